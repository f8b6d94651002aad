//! Where connections live: an array with generations, so that a token of a connection that has
//! gone never reaches the one that took its place.

use crate::reactor::conn::Conn;
use crate::{Interface, Token};

struct Cell<I: Interface> {
    generation: u32,
    conn: Option<Box<Conn<I>>>,
}

pub struct Slab<I: Interface> {
    places: Vec<Cell<I>>,
    free: Vec<u32>,
    /// How many are streams of others.
    streams: usize,
}

impl<I: Interface> Slab<I> {
    pub(crate) fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new(), streams: 0 }
    }

    pub(crate) fn insert(&mut self, conn: Conn<I>) -> Token {
        self.streams += usize::from(conn.is_stream());
        let conn = Some(Box::new(conn));
        if let Some(slot) = self.free.pop() {
            let place = &mut self.places[slot as usize];
            place.conn = conn;
            return Token { slot, generation: place.generation };
        }
        self.places.push(Cell { generation: 0, conn });
        Token { slot: (self.places.len() - 1) as u32, generation: 0 }
    }

    pub(crate) fn remove(&mut self, token: Token) -> Option<Box<Conn<I>>> {
        let place = self.places.get_mut(token.slot as usize)?;
        if place.generation != token.generation {
            return None;
        }
        let conn = place.conn.take()?;
        // The two highest generations would collide with the reactor's own tokens.
        place.generation = (place.generation + 1) & 0x7fff_ffff;
        self.free.push(token.slot);
        self.streams -= usize::from(conn.is_stream());
        Some(conn)
    }

    pub fn get_mut(&mut self, token: Token) -> Option<&mut Conn<I>> {
        let place = self.places.get_mut(token.slot as usize)?;
        if place.generation != token.generation {
            return None;
        }
        place.conn.as_deref_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// How many have a socket of their own.
    pub(crate) fn sockets(&self) -> usize {
        self.len() - self.streams
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (Token, &mut Conn<I>)> {
        self.places.iter_mut().enumerate().filter_map(|(slot, place)| {
            let token = Token { slot: slot as u32, generation: place.generation };
            place.conn.as_deref_mut().map(|conn| (token, conn))
        })
    }
}
