//! Arguments of C functions, made from the fuzzer's bytes. Each is as long as it says to the byte, so that
//! AddressSanitizer sees every access beyond it.

use coffer_pkcs11::ck::*;

use super::parameters;
use super::templates;
use super::world::{Key, SLOT, SO_PIN, USER_PIN, World};
use crate::input::Input;

/// What an argument is. Those that take two arguments (a pointer and its length) have two names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Session,
    Slot,
    /// Of the kind that the target is about.
    Mechanism,
    /// With the parameter of a message.
    Sealing,
    /// One that digests.
    Digesting,
    /// The parameter of one message, followed by its length. That of the message before, unless the input says otherwise.
    Message,
    /// The key for the mechanism: the public one of a pair, or the private one.
    PublicKey,
    PrivateKey,
    /// Any object.
    Object,
    /// Plain data, and what the last call put out; each is followed by its length.
    Data,
    Result,
    Length,
    /// A buffer, and the pointer to its length.
    Output,
    OutputLength,
    /// Attributes with values, and with room for values; each is followed by the count.
    Template,
    Query,
    Count,
    /// Room for one handle or number.
    Place,
    /// Room for any structure, written to.
    Structure,
    /// A buffer of numbers, and the pointer to its count.
    List,
    Interfaces,
    ListCount,
    /// The number of elements in the list before it.
    Capacity,
    Pin,
    SoPin,
    /// Empty unless the input says more.
    Name,
    Label,
    /// A C string.
    FunctionName,
    /// A number that should be small, such as a role or flags.
    Number,
    Flags,
    /// Flags with CKF_DONT_BLOCK.
    DontBlock,
    /// CKF_END_OF_MESSAGE or none.
    MessageFlags,
    True,
    NoObject,
    Null,
    Notify,
}

/// What one input has made so far.
pub struct Arguments<'w, 'i> {
    pub world: &'w World,
    pub input: Input<'i>,
    pub session: CK_SESSION_HANDLE,
    /// The mechanisms that the target is about.
    pub flag: CK_FLAGS,
    /// Which mechanism, template and variant (key, second template) is meant where the bytes say 0.
    pub favourite: [u8; 3],
    pub mechanism: CK_MECHANISM_TYPE,
    /// What the last call put out.
    pub result: Vec<u8>,
    /// How many templates were made.
    pub templates: usize,
    /// The sessions that were opened.
    pub sessions: Vec<CK_SESSION_HANDLE>,
    /// Handles of the objects that were made.
    pub made: Vec<CK_OBJECT_HANDLE>,
    /// The parameter of the last message.
    message: Option<(*mut u8, u64)>,
    memory: Vec<Box<[u8]>>,
    /// The length or count that goes with the last pointer.
    length: u64,
    output: Option<(*mut u8, usize)>,
    output_length: Option<*mut CK_ULONG>,
    place: Option<*mut CK_ULONG>,
}

impl<'w, 'i> Arguments<'w, 'i> {
    pub fn new(world: &'w World, data: &'i [u8], flag: CK_FLAGS) -> Self {
        let mut input = Input::new(data);
        let session = world.open_session();
        Self {
            world,
            favourite: input.array(),
            input,
            session,
            flag,
            mechanism: 0,
            result: Vec::new(),
            templates: 0,
            sessions: vec![session],
            made: Vec::new(),
            message: None,
            memory: Vec::new(),
            length: 0,
            output: None,
            output_length: None,
            place: None,
        }
    }

    /// Memory of exactly these bytes, until the input is done.
    pub fn keep(&mut self, bytes: &[u8]) -> *mut u8 {
        let mut kept: Box<[u8]> = bytes.into();
        let place = kept.as_mut_ptr();
        self.memory.push(kept);
        place
    }

    /// As `keep`, but now and then at an odd address.
    fn keep_oddly(&mut self, bytes: &[u8]) -> *mut u8 {
        if self.input.byte() != 1 {
            return self.keep(bytes);
        }
        let shifted = [&[0][..], bytes].concat();
        // SAFETY: one byte longer than `bytes`.
        unsafe { self.keep(&shifted).add(1) }
    }

    pub fn words(&mut self, kinds: &[Kind]) -> Vec<usize> {
        (self.output, self.output_length, self.place) = (None, None, None);
        kinds.iter().map(|kind| self.word(*kind)).collect()
    }

    /// After a success: what was put out.
    pub fn take_results(&mut self, kinds: &[Kind]) {
        if let (Some((place, capacity)), Some(length)) = (self.output, self.output_length) {
            // SAFETY: our own memory, read unaligned.
            let length = unsafe { length.read_unaligned() } as usize;
            if kinds.contains(&Kind::Output) && !place.is_null() {
                assert!(length <= capacity, "{length} bytes in a buffer of {capacity}");
                // SAFETY: `length` of the `capacity` bytes there.
                self.result = unsafe { std::slice::from_raw_parts(place, length) }.to_vec();
            }
        }
        if let Some(place) = self.place {
            // SAFETY: our own memory, read unaligned.
            let handle = unsafe { place.read_unaligned() };
            if kinds.contains(&Kind::Flags) { self.sessions.push(handle) } else { self.made.push(handle) }
        }
    }

    fn word(&mut self, kind: Kind) -> usize {
        match kind {
            Kind::Session => match self.input.byte() {
                0xff => self.input.number() as usize,
                _ => self.session as usize,
            },
            Kind::Slot => self.choice(&[SLOT, 1, u64::MAX]),
            Kind::Mechanism => self.mechanism(parameters::parameter) as usize,
            Kind::Sealing => self.mechanism(|arguments, _| arguments.message_parameter()) as usize,
            Kind::Digesting => {
                let flag = std::mem::replace(&mut self.flag, CKF_DIGEST);
                let mechanism = self.mechanism(parameters::parameter);
                self.flag = flag;
                mechanism as usize
            }
            Kind::Message => {
                let (place, length) = self.message_parameter();
                self.length = length;
                place as usize
            }
            Kind::PublicKey => self.key(CKO_PUBLIC_KEY),
            Kind::PrivateKey => self.key(CKO_PRIVATE_KEY),
            Kind::Object => self.object(),
            Kind::Data => {
                let data = self.data();
                self.pointer(&data)
            }
            Kind::Result => {
                let data = if self.input.byte() == 0 { self.result.clone() } else { self.data() };
                self.pointer(&data)
            }
            Kind::Pin => self.pin(USER_PIN),
            Kind::SoPin => self.pin(SO_PIN),
            Kind::Name => {
                let name = self.input.piece().to_vec();
                self.pointer(&name)
            }
            Kind::Length | Kind::Count => self.length as usize,
            Kind::Output => self.output(1),
            Kind::List => self.output(8),
            Kind::Interfaces => self.output(size_of::<CK_INTERFACE>()),
            Kind::Capacity => self.output.map_or(0, |(_, capacity)| capacity),
            Kind::OutputLength | Kind::ListCount => self.output_length(),
            Kind::Template => {
                let (place, count) = templates::template(self);
                self.length = count;
                place as usize
            }
            Kind::Query => {
                let (place, count) = templates::query(self);
                self.length = count;
                place as usize
            }
            Kind::Place => self.place(),
            Kind::Structure => self.keep_oddly(&[0; 512]) as usize,
            Kind::Label => self.keep_oddly(&[b' '; 32]) as usize,
            Kind::FunctionName => c"C_GenerateKeyPair".as_ptr() as usize,
            Kind::Number => self.choice(&[1, 0, 2, 3, u64::MAX]),
            Kind::Flags => {
                self.choice(&[CKF_SERIAL_SESSION | CKF_RW_SESSION, 0, CKF_SERIAL_SESSION, u64::MAX])
            }
            Kind::MessageFlags => self.choice(&[CKF_END_OF_MESSAGE, 0, u64::MAX]),
            Kind::DontBlock => self.choice(&[0]) | CKF_DONT_BLOCK as usize,
            Kind::True => self.choice(&[1, 0]),
            Kind::NoObject => self.choice(&[0]),
            Kind::Null | Kind::Notify => 0,
        }
    }

    /// That of the message before, unless the input says otherwise.
    fn message_parameter(&mut self) -> (*mut u8, u64) {
        let known = self.message.filter(|_| self.input.byte() == 0);
        let parameter = known.unwrap_or_else(|| parameters::message(self));
        self.message = Some(parameter);
        parameter
    }

    fn choice(&mut self, numbers: &[u64]) -> usize {
        let choice = usize::from(self.input.byte());
        numbers.get(choice).copied().unwrap_or_else(|| self.input.number()) as usize
    }

    /// 32 bytes unless the input says more.
    fn data(&mut self) -> Vec<u8> {
        const USUAL: [u8; 64] = [0x5a; 64];
        match self.input.byte() {
            0 => USUAL[..32].to_vec(),
            1 => USUAL[..16].to_vec(),
            2 => USUAL[..20].to_vec(),
            3 => USUAL[..64].to_vec(),
            4 => Vec::new(),
            5 => vec![0xa5; self.input.below(1 << 14)],
            _ => self.input.piece().to_vec(),
        }
    }

    /// The pointer to these bytes; NULL or a length that is wrong now and then.
    fn pointer(&mut self, bytes: &[u8]) -> usize {
        self.length = bytes.len() as u64;
        match self.input.byte() {
            0xff => {
                self.length = self.input.odd_length(bytes.len());
                0
            }
            0xfe => {
                self.length = self.input.odd_length(bytes.len());
                if self.length > bytes.len() as u64 && self.length < 1 << 48 {
                    self.length = bytes.len() as u64;
                }
                self.keep(bytes) as usize
            }
            _ => self.keep_oddly(bytes) as usize,
        }
    }

    fn pin(&mut self, right: &[u8]) -> usize {
        match self.input.byte() {
            0 => self.pointer(right),
            1 => self.pointer(if right == USER_PIN { SO_PIN } else { USER_PIN }),
            _ => {
                let wrong = self.input.piece().to_vec();
                self.pointer(&wrong)
            }
        }
    }

    fn output(&mut self, unit: usize) -> usize {
        let capacity = match self.input.byte() {
            0 => 4096,
            0xff => {
                self.output = Some((std::ptr::null_mut(), 0));
                return 0;
            }
            small @ 1..=64 => usize::from(small) - 1,
            other => usize::from(other) * 8,
        };
        let place = self.keep_oddly(&vec![0; capacity * unit]);
        self.output = Some((place, capacity));
        place as usize
    }

    fn output_length(&mut self) -> usize {
        if self.input.byte() == 0xff {
            return 0;
        }
        let capacity = self.output.map_or(0, |(_, capacity)| capacity) as CK_ULONG;
        let place = self.keep_oddly(&capacity.to_ne_bytes()).cast();
        self.output_length = Some(place);
        place as usize
    }

    fn place(&mut self) -> usize {
        if self.input.byte() == 0xff {
            return 0;
        }
        let place = self.keep_oddly(&[0; 8]).cast();
        self.place = Some(place);
        place as usize
    }

    /// With the parameter that `parameter` makes for the mechanism.
    fn mechanism(
        &mut self,
        parameter: impl FnOnce(&mut Self, CK_MECHANISM_TYPE) -> (*mut u8, u64),
    ) -> *mut CK_MECHANISM {
        let mechanisms = &self.world.mechanisms;
        let fitting: Vec<_> =
            mechanisms.iter().filter(|(_, flags)| self.flag == 0 || flags & self.flag != 0).collect();
        let choice = self.input.byte();
        let id = match choice {
            0xff => None,
            0 => fitting.get(usize::from(self.favourite[0]) % fitting.len().max(1)),
            _ => fitting.get(usize::from(choice) % fitting.len().max(1)),
        };
        let id = id.map(|(id, _)| *id).unwrap_or_else(|| match self.input.byte() {
            choice if choice < 0xf0 => mechanisms[usize::from(choice) % mechanisms.len()].0,
            _ => self.input.number(),
        });
        self.mechanism = id;
        if choice != 0xff && self.input.byte() == 0xff {
            return std::ptr::null_mut();
        }
        let (parameter, length) = parameter(self, id);
        let mechanism = CK_MECHANISM { mechanism: id, pParameter: parameter.cast(), ulParameterLen: length };
        // SAFETY: plain numbers and a pointer, as bytes.
        let bytes: [u8; size_of::<CK_MECHANISM>()] = unsafe { std::mem::transmute(mechanism) };
        self.keep_oddly(&bytes).cast()
    }

    /// A key of the type that the mechanism needs.
    fn key(&mut self, class: CK_OBJECT_CLASS) -> usize {
        let Some(row) = coffer_pkcs11::mechanism::lookup(self.mechanism) else { return self.object() };
        let wanted = if row.key.asymmetric { class } else { CKO_SECRET_KEY };
        let fits = |key: &&Key| key.class == wanted && row.key.types.contains(&key.key_type);
        let fitting: Vec<_> = self.world.keys.iter().filter(fits).collect();
        match (self.input.byte(), fitting.len()) {
            (0xff, _) | (_, 0) => self.object(),
            (0, count) => fitting[usize::from(self.favourite[2]) % count].handle as usize,
            (choice, count) => fitting[usize::from(choice) % count].handle as usize,
        }
    }

    fn object(&mut self) -> usize {
        let keys = &self.world.keys;
        let choice = self.input.byte();
        let handle = match choice {
            // The object that was made last, or a secret key.
            0 => {
                let secret = keys.iter().find(|key| key.class == CKO_SECRET_KEY);
                self.made.last().copied().or(secret.map(|key| key.handle))
            }
            0xff => None,
            _ => keys.get(usize::from(choice - 1) % keys.len().max(1)).map(|key| key.handle),
        };
        handle.unwrap_or_else(|| self.input.number()) as usize
    }
}
