//! What the tests of LMS and XMSS share.

/// A name, and a public key, a message and its signature.
pub type Vector = (&'static str, [Vec<u8>; 3]);

/// The vectors of a file: one a line, in hexadecimal.
pub fn vectors(text: &'static str) -> Vec<Vector> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            (fields[0], [1, 2, 3].map(|field| hex::decode(fields[field]).unwrap()))
        })
        .collect()
}

/// Verifies so many times with keys and signatures whose types, lengths and numbers were changed at random, always in the same
/// way.
pub fn verify_changed(vectors: &[Vector], times: usize, mut verify: impl FnMut(&[u8], &[u8], &[u8])) {
    let mut state: u64 = 1;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    for _ in 0..times {
        let (_, [mut public, message, mut signature]) = vectors[random(vectors.len())].clone();
        for bytes in [&mut public, &mut signature] {
            for _ in 0..random(4) {
                // The numbers stand at the front.
                let front = random(2) == 0;
                let place = random(if front { 16 } else { bytes.len() });
                let value = [0, 1, 2, 5, 16, 0x7f, 0x80, 0xff][random(8)];
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = value;
                }
            }
            match random(6) {
                0 => bytes.truncate(random(bytes.len())),
                1 => bytes.extend([0; 40]),
                _ => {}
            }
        }
        verify(&public, &message, &signature);
    }
}
