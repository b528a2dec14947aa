//! CBC-MAC (FIPS 113) over any block cipher: the data is padded with zeros to whole blocks and chained from a zero
//! block. Sound only for messages of one length; `cmac` and `xcbc` mend that.

use zeroize::{Zeroize, Zeroizing};

use super::Result;
use super::aes::{self, Direction};
use super::des;
use super::digest::{Accumulate, Value};
use super::feedback::EncryptBlock;

/// A CBC-MAC in the making, with blocks of `N` bytes. The last block is held back until the end is known.
pub(crate) struct CbcMac<C, const N: usize> {
    cipher: C,
    chain: [u8; N],
    held: [u8; N],
    held_len: usize,
}

impl<C: EncryptBlock<N>, const N: usize> CbcMac<C, N> {
    pub(crate) fn new(cipher: C) -> Self {
        Self { cipher, chain: [0; N], held: [0; N], held_len: 0 }
    }

    fn absorb(&mut self) {
        self.chain.iter_mut().zip(&self.held).for_each(|(chain, byte)| *chain ^= byte);
        self.cipher.encrypt(&mut self.chain);
        self.held_len = 0;
    }

    pub(crate) fn take(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            if self.held_len == N {
                self.absorb();
            }
            let (now, later) = data.split_at(data.len().min(N - self.held_len));
            let free = self.held.iter_mut().skip(self.held_len);
            free.zip(now).for_each(|(place, byte)| *place = *byte);
            self.held_len += now.len();
            data = later;
        }
    }

    /// Lets `complete` make the last block of the bytes that are held (0 to `N`), and takes it in.
    pub(crate) fn end(mut self, complete: impl FnOnce(&mut [u8; N], usize)) -> Zeroizing<[u8; N]> {
        complete(&mut self.held, self.held_len);
        self.absorb();
        Zeroizing::new(self.chain)
    }
}

impl<C, const N: usize> Drop for CbcMac<C, N> {
    fn drop(&mut self) {
        self.chain.zeroize();
        self.held.zeroize();
    }
}

impl<C: EncryptBlock<N>, const N: usize> Accumulate for CbcMac<C, N> {
    fn output_len(&self) -> usize {
        N
    }

    fn update(&mut self, data: &[u8]) -> Result<()> {
        self.take(data);
        Ok(())
    }

    /// Data without a byte is one block of zeros.
    fn finish(self) -> Result<Value> {
        let mac = self.end(|block, length| block.iter_mut().skip(length).for_each(|place| *place = 0));
        Value::copy_of(&*mac)
    }
}

/// The CBC-MAC with DES or Triple DES.
pub(crate) fn with_des(key: &des::Key) -> CbcMac<des::Schedule, { des::BLOCK }> {
    CbcMac::new(key.schedule())
}

/// The CBC-MAC with AES.
pub(crate) fn with_aes(key: &aes::Key) -> Result<CbcMac<aes::Schedule, { aes::BLOCK }>> {
    Ok(CbcMac::new(key.schedule(Direction::Encrypt)?))
}
