//! Where connections live: an array with generations, so that a token of a connection that has
//! gone never reaches the one that took its place.

use super::conn::Conn;
use crate::Interface;

/// Names one connection for as long as it lives, and nothing afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token {
    pub slot: u32,
    pub generation: u32,
}

impl Token {
    pub(super) fn pack(self) -> usize {
        (self.generation as usize) << 32 | self.slot as usize
    }

    pub(super) fn unpack(packed: usize) -> Self {
        Self { slot: packed as u32, generation: (packed >> 32) as u32 }
    }
}

struct Place<I: Interface> {
    generation: u32,
    conn: Option<Box<Conn<I>>>,
}

pub struct Slab<I: Interface> {
    places: Vec<Place<I>>,
    free: Vec<u32>,
}

impl<I: Interface> Slab<I> {
    pub(super) fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    pub(super) fn insert(&mut self, conn: Conn<I>) -> Token {
        let conn = Some(Box::new(conn));
        if let Some(slot) = self.free.pop() {
            let place = &mut self.places[slot as usize];
            place.conn = conn;
            return Token { slot, generation: place.generation };
        }
        self.places.push(Place { generation: 0, conn });
        Token { slot: (self.places.len() - 1) as u32, generation: 0 }
    }

    pub(super) fn remove(&mut self, token: Token) -> Option<Box<Conn<I>>> {
        let place = self.places.get_mut(token.slot as usize)?;
        if place.generation != token.generation {
            return None;
        }
        let conn = place.conn.take()?;
        // The two highest generations would collide with the reactor's own tokens.
        place.generation = (place.generation + 1) & 0x7fff_ffff;
        self.free.push(token.slot);
        Some(conn)
    }

    pub fn get_mut(&mut self, token: Token) -> Option<&mut Conn<I>> {
        let place = self.places.get_mut(token.slot as usize)?;
        if place.generation != token.generation {
            return None;
        }
        place.conn.as_deref_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Token, &mut Conn<I>)> {
        self.places.iter_mut().enumerate().filter_map(|(slot, place)| {
            let token = Token { slot: slot as u32, generation: place.generation };
            place.conn.as_deref_mut().map(|conn| (token, conn))
        })
    }
}
