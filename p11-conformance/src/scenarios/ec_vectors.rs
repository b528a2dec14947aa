//! Key pairs and signatures of RFC 6979, appendix A.2 (message "sample").

/// A key pair on a named curve, and its deterministic signature of "sample" with the hash of the curve's size.
pub struct Known {
    /// DER of the curve's object identifier.
    pub parameters: &'static str,
    pub private: &'static str,
    /// The uncompressed point.
    pub public: &'static str,
    /// r and s.
    pub signature: &'static str,
}

pub const P256: Known = Known {
    parameters: super::keys::P256,
    private: "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
    public: "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc
     64f2f1b20c2d7e9f5177a3c294d4462299",
    signature:
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65
     f3e900dbb9aff4064dc4ab2f843acda8",
};

pub const P384: Known = Known {
    parameters: super::keys::P384,
    private: "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
    public: "04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc
     138015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd25332647
     20",
    signature:
        "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46
     99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
};

pub const P521: Known = Known {
    parameters: super::keys::P521,
    private:
        "00fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75caa896eb32f1f47c70855836a6d16fcc
     1466f6d8fbec67db89ec0c08b0e996b83538",
    public: "0401894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd371123d46e45db6b5d5370a7f20fb6
     33155d38ffa16d2bd761dcac474b9a2f5023a400493101c962cd4d2fddf782285e64584139c2f91b47f87ff82354d663
     0f746a28a0db25741b5b34a828008b22acc23f924faafbd4d33f81ea66956dfeaa2bfdfcf5",
    signature:
        "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d450606add152b53
     4931d7d4e8455cc91f9b15bf05ec36e377fa00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b
     68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67a",
};

/// A P-521 signature of "message 0" whose halves both begin with a zero byte (made with RFC 6979).
pub const P521_SHORT: &str =
    "000fdd207535915ce578fd463ce5b58f5cbf3f454af89e48062922ced9b7d49e643bce4f90232713194a8336e62fb747
     0b3187523ff2a7f70cf7059cdc8c7ea852f500be97fb79c8adc14be3bb553d9ef4bde3a24d212feb3f88bf7455394fa8
     8f9db93cf164b82ab01be125eb0cae3bdf28080d10e3e69c83bee574c3782ba5571be19a";
