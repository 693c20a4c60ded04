//! Values as bytes: compact for what is only read again, and comparable for keys.

use std::io;

use super::failed;
use crate::error::Result;

/// Bytes that compare as the values that they are made of, in the order in which these were put in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) Vec<u8>);

impl Key {
    pub(crate) fn uint(mut self, value: u64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    pub(crate) fn int(self, value: i64) -> Self {
        self.uint(value as u64 ^ 1 << 63)
    }

    /// As `f64::total_cmp` orders.
    pub(crate) fn float(self, value: f64) -> Self {
        let bits = value.to_bits();
        let negative = bits >> 63 == 1;
        self.uint(if negative { !bits } else { bits | 1 << 63 })
    }

    /// The largest first.
    pub(crate) fn float_down(self, value: f64) -> Self {
        let Key(mut bytes) = self.float(value);
        let start = bytes.len() - 8;
        bytes[start..].iter_mut().for_each(|byte| *byte = !*byte);
        Key(bytes)
    }

    pub(crate) fn text(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }

    /// A 0 inside is followed by 255, one at the end by another 0, so that a beginning comes before what begins with it.
    pub(crate) fn bytes(mut self, value: &[u8]) -> Self {
        let mut rest = value;
        while let Some(zero) = memchr::memchr(0, rest) {
            self.0.extend_from_slice(&rest[..=zero]);
            self.0.push(255);
            rest = &rest[zero + 1..];
        }
        self.0.extend_from_slice(rest);
        self.0.extend_from_slice(&[0, 0]);
        self
    }
}

/// Appends values.
#[derive(Debug, Default)]
pub(crate) struct Pack(pub(crate) Vec<u8>);

impl Pack {
    pub(crate) fn byte(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    pub(crate) fn uint(&mut self, mut value: u64) -> &mut Self {
        while value > 127 {
            self.0.push(value as u8 | 128);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    pub(crate) fn int(&mut self, value: i64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn float(&mut self, value: f64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.uint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Self {
        self.bytes(value.as_bytes())
    }

    /// A byte that says whether there is a value, then the value.
    pub(crate) fn maybe<T>(
        &mut self,
        value: Option<T>,
        put: impl FnOnce(&mut Self, T),
    ) -> &mut Self {
        self.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            put(self, value);
        }
        self
    }
}

/// Reads what [`Pack`] appended, in its order.
pub(crate) struct Unpack<'b>(pub(crate) &'b [u8]);

impl<'b> Unpack<'b> {
    fn take(&mut self, size: usize) -> Result<&'b [u8]> {
        let Some((taken, rest)) = self.0.split_at_checked(size) else {
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        };
        self.0 = rest;
        Ok(taken)
    }

    fn eight(&mut self) -> Result<[u8; 8]> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.take(8)?);
        Ok(bytes)
    }

    pub(crate) fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    pub(crate) fn uint(&mut self) -> Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                break;
            }
        }
        Ok(value)
    }

    pub(crate) fn int(&mut self) -> Result<i64> {
        Ok(i64::from_le_bytes(self.eight()?))
    }

    pub(crate) fn float(&mut self) -> Result<f64> {
        Ok(f64::from_le_bytes(self.eight()?))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'b [u8]> {
        let size = self.uint()? as usize;
        self.take(size)
    }

    pub(crate) fn text(&mut self) -> Result<&'b str> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|_| failed(io::ErrorKind::InvalidData.into()))
    }

    pub(crate) fn maybe<T>(
        &mut self,
        get: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<Option<T>> {
        if self.byte()? == 1 {
            get(self).map(Some)
        } else {
            Ok(None)
        }
    }
}
