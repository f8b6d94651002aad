//! Whatever a proxy passes on, nobody becomes a client whom no trusted proxy has named.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tricorn_wire::forwarded::{Client, Rules, Told};
use tricorn_wire::head::Field;
use tricorn_wire::reject::Reject;
use tricorn_wire::target::is_host;
use tricorn_wire::trust::Trust;
use tricorn_wire_fuzz::plan;

const NAMES: [&str; 8] = [
    "X-Forwarded-For",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "forwarded",
    "x-forwarded-ssl",
    "x-forwarded-fo",
];
const TRUSTED: &str = "10.0.0.1";

fuzz_target!(|input: &[u8]| {
    let Some(plan) = plan(input) else { return };
    // 0xff ends a field; its first byte chooses the name.
    let fields = plan.bytes.split(|&byte| byte == 0xff).filter_map(|text| {
        let (&choice, value) = text.split_first()?;
        Some(Field { name: NAMES[usize::from(choice) % NAMES.len()], value })
    });
    let fields: Vec<Field> = fields.take(100).collect();
    let rules = rules(plan.spare & 1 == 0);
    let told = rules.read(&fields).map(Option::unwrap_or_default);
    if let Ok(told) = &told {
        check(told);
    }
    added(&rules, &fields, &told);
});

fn rules(lists: bool) -> Rules {
    let trust = Trust::read([TRUSTED, "2001:db8::/32"]).unwrap();
    let names = if lists {
        &["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"][..]
    } else {
        &["forwarded"]
    };
    let others = ["x-forwarded-port", "x-forwarded-prefix"];
    let schemes = [("x-forwarded-ssl".to_owned(), "on".to_owned())];
    Rules::new(trust, names.iter().copied().chain(others), schemes).unwrap()
}

fn check(told: &Told) {
    if let Some(host) = &told.host {
        assert!(!host.is_empty() && is_host(host));
    }
    assert_ne!(told.port, Some(0));
    if let Some(prefix) = told.prefix.filter(|prefix| !prefix.is_empty()) {
        assert!(prefix[0] == b'/' && prefix[prefix.len() - 1] != b'/');
        assert!(!prefix
            .windows(2)
            .any(|pair| pair == b"//" || pair == b".." && prefix.ends_with(b"/..")));
        assert!(prefix.iter().all(|byte| byte.is_ascii_graphic() && !b"?#%\\\"".contains(byte)));
    }
}

/// One more proxy, trusted, between the last and us changes nothing about the client.
fn added(rules: &Rules, fields: &[Field], told: &Result<Told, Reject>) {
    for (name, value) in [("x-forwarded-for", "10.0.0.1"), ("forwarded", "for=10.0.0.1")] {
        let one = Field { name, value: value.as_bytes() };
        let more: Vec<Field> = fields.iter().copied().chain([one]).collect();
        let (Ok(before), Ok(after)) = (told, rules.read(&more).map(Option::unwrap_or_default))
        else {
            continue;
        };
        let alone = Some(Client::Known("10.0.0.1:0".parse().unwrap()));
        if before.client.is_some() {
            assert_eq!(before.client, after.client);
        } else {
            assert!(
                after.client.is_none()
                    || after.client == alone
                    || after.client == Some(Client::Unknown)
            );
        }
    }
}
