//! What is noted of a request while it is served.

use crate::observe::access::Draft;
use crate::observe::inflight::Place;
use crate::observe::spent::Spent;
use crate::reactor::quick::Kind;

#[derive(Default)]
pub struct Request {
    /// What it is called.
    pub(crate) id: Option<Box<str>>,
    /// What kind of call it is.
    pub(crate) kind: Kind,
    /// Where it is in the table of requests in flight.
    pub(crate) place: Place,
    /// The start of its access line.
    pub(crate) draft: Option<Box<Draft>>,
    /// For how long the application has had it.
    pub spent: Spent,
    /// The application has been called for it and has not returned.
    pub(crate) called: bool,
}
