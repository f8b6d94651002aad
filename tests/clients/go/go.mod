module tricorn/clients

go 1.24
