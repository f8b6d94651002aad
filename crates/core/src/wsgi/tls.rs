//! What an environ says about TLS, in the variables of Apache's mod_ssl: `HTTPS`, `SSL_PROTOCOL`,
//! `SSL_CIPHER`, `SSL_TLS_SNI`, `SSL_CLIENT_VERIFY`, and if the client has shown a certificate
//! `SSL_CLIENT_S_DN`, `_I_DN` (RFC 4514), `_M_SERIAL`, `_M_VERSION`, `_V_START`, `_V_END`, `_CERT` and
//! `_CERT_CHAIN_0` … (PEM).

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tricorn_wire::date;

use super::environ::latin1;
use tricorn_net::tls::facts::{to_pem, Facts};
use tricorn_net::tls::Secured;

/// Sets the variables of one connection, which are made once.
pub fn set_variables(environ: &Bound<'_, PyDict>, secured: &Secured) -> PyResult<()> {
    let py = environ.py();
    match secured.kept.get_or_make(|| make(py, secured).map(Bound::unbind)) {
        Some(Ok(variables)) => environ.update(variables.bind(py).as_mapping()),
        Some(Err(error)) => Err(error.clone_ref(py)),
        None => Ok(()),
    }
}

fn make<'py>(py: Python<'py>, secured: &Secured) -> PyResult<Bound<'py, PyDict>> {
    let variables = PyDict::new(py);
    variables.set_item("HTTPS", "on")?;
    variables.set_item("SSL_PROTOCOL", secured.protocol())?;
    variables.set_item("SSL_CIPHER", secured.cipher())?;
    if let Some(name) = &secured.server_name {
        variables.set_item("SSL_TLS_SNI", name)?;
    }
    let Some((own, behind)) = secured.client_chain.split_first() else {
        variables.set_item("SSL_CLIENT_VERIFY", "NONE")?;
        return Ok(variables);
    };
    variables.set_item("SSL_CLIENT_VERIFY", "SUCCESS")?;
    variables.set_item("SSL_CLIENT_CERT", to_pem(own))?;
    for (number, der) in behind.iter().enumerate() {
        variables.set_item(format!("SSL_CLIENT_CERT_CHAIN_{number}"), to_pem(der))?;
    }
    if let Some(facts) = Facts::read(own) {
        variables.set_item("SSL_CLIENT_S_DN", latin1(py, facts.subject.as_bytes())?)?;
        variables.set_item("SSL_CLIENT_I_DN", latin1(py, facts.issuer.as_bytes())?)?;
        variables.set_item("SSL_CLIENT_M_SERIAL", facts.serial)?;
        variables.set_item("SSL_CLIENT_M_VERSION", facts.version.to_string())?;
        variables.set_item("SSL_CLIENT_V_START", openssl_date(facts.not_before))?;
        variables.set_item("SSL_CLIENT_V_END", openssl_date(facts.not_after))?;
    }
    Ok(variables)
}

/// As `Nov  3 08:49:37 2026 GMT`.
fn openssl_date(seconds: u64) -> String {
    let date = date::imf_fixdate(seconds); // Tue, 03 Nov 2026 08:49:37 GMT
    let text = String::from_utf8_lossy(&date);
    let mut parts = text.split(' ').skip(1);
    let mut next = || parts.next().unwrap_or_default();
    let (day, month, year, time) = (next(), next(), next(), next());
    format!("{month} {:>2} {time} {year} GMT", day.trim_start_matches('0'))
}
