//! A header of the PROXY protocol reads the same however it comes, and never too early.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tricorn_wire::proxy_protocol::{read, Versions, MOST};
use tricorn_wire_fuzz::plan;

fuzz_target!(|input: &[u8]| {
    let Some(plan) = plan(input) else { return };
    let versions = [Versions::One, Versions::Two, Versions::Both][usize::from(plan.spare) % 3];
    let whole = read(plan.bytes, versions);
    let every = 0..=plan.bytes.len().min(300);
    for length in plan.cuts.iter().copied().chain(every.filter(|_| plan.bytes.len() < 300)) {
        if length > plan.bytes.len() {
            continue;
        }
        match (read(&plan.bytes[..length], versions), &whole) {
            (Ok(None), Ok(Some(header))) => assert!(length < header.len),
            (Ok(None), _) => {}
            (early, whole) => assert_eq!(&early, whole, "at {length}"),
        }
    }
    if let Ok(Some(header)) = whole {
        assert!(header.len <= plan.bytes.len().min(MOST));
        // Nothing behind the header matters, and nothing of it is left out.
        assert_eq!(read(&plan.bytes[..header.len], versions), whole);
        assert_eq!(read(&plan.bytes[..header.len - 1], versions), Ok(None));
    } else if whole == Ok(None) {
        assert!(plan.bytes.len() < MOST, "it waits for too much");
    }
});
