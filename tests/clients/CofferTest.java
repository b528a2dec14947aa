import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.*;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.*;
import java.util.*;
import java.util.concurrent.*;
import javax.crypto.*;
import javax.crypto.spec.*;

/**
 * A Java application with its keys in a token: each result of SunPKCS11 is checked by Java's own providers.
 * Arguments: the configuration of SunPKCS11, the PIN, and "coffer" when the module promises all that Coffer promises.
 * Prints a line for every check and the count at the end.
 */
public final class CofferTest {
    private interface Check {
        void run() throws Exception;
    }

    private static int passed;
    private static int failed;
    private static Provider provider;
    private static boolean coffer;
    private static final byte[] DATA = new byte[5000];
    private static final char[] NO_PASSWORD = null;

    private static void check(String sentence, Check check) {
        try {
            check.run();
            passed++;
            System.out.println("ok " + (passed + failed) + " " + sentence);
        } catch (Throwable problem) {
            failed++;
            System.out.println("FAIL " + (passed + failed) + " " + sentence + ": " + problem);
            for (Throwable cause = problem.getCause(); cause != null; cause = cause.getCause()) {
                System.out.println("       caused by " + cause);
            }
            StackTraceElement[] where = problem.getStackTrace();
            for (int i = 0; i < Math.min(6, where.length); i++) System.out.println("       at " + where[i]);
        }
    }

    private static void same(byte[] expected, byte[] actual) {
        if (!Arrays.equals(expected, actual)) throw new AssertionError("the bytes differ");
    }

    private static void yes(boolean condition, String otherwise) {
        if (!condition) throw new AssertionError(otherwise);
    }

    private static void throwing(Class<? extends Exception> kind, Check check) throws Exception {
        try {
            check.run();
        } catch (Exception problem) {
            if (kind.isInstance(problem)) return;
            throw problem;
        }
        throw new AssertionError("no " + kind.getSimpleName());
    }

    public static void main(String[] arguments) throws Exception {
        provider = Security.getProvider("SunPKCS11").configure(arguments[0]);
        Security.addProvider(provider);
        char[] pin = arguments[1].toCharArray();
        coffer = arguments.length > 2 && arguments[2].equals("coffer");
        new Random(7).nextBytes(DATA);

        KeyStore[] store = new KeyStore[1];
        check("the key store opens with the PIN", () -> {
            store[0] = KeyStore.getInstance("PKCS11", provider);
            store[0].load(null, pin);
        });
        if (store[0] == null) System.exit(1);
        KeyStore keys = store[0];
        check("the key store is empty at first", () -> yes(keys.size() == 0, "it holds " + keys.size()));

        random();
        rsa(keys);
        ec(keys);
        aes(keys);
        macs();
        imports(keys);
        threads();
        digests();

        System.out.println(passed + " checks passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    private static boolean has(String type, String algorithm) {
        return coffer || provider.getService(type, algorithm) != null;
    }

    private static void digests() {
        for (String name : List.of("SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512")) {
            check(name + " is Java's", () -> {
                byte[] expected = MessageDigest.getInstance(name, "SUN").digest(DATA);
                MessageDigest digest = MessageDigest.getInstance(name, provider);
                same(expected, digest.digest(DATA));
                for (int i = 0; i < DATA.length; i += 100) digest.update(DATA, i, 100);
                same(expected, digest.digest());
                same(MessageDigest.getInstance(name, "SUN").digest(), digest.digest());
            });
            check(name + " is cloned half-way", () -> {
                MessageDigest digest = MessageDigest.getInstance(name, provider);
                digest.update(DATA, 0, 2500);
                MessageDigest copy;
                try {
                    copy = (MessageDigest) digest.clone();
                } catch (CloneNotSupportedException unsupported) {
                    return; // the token does not save operation states: Java says so
                }
                digest.update(DATA, 2500, 2500);
                copy.update(DATA, 2500, 2500);
                same(digest.digest(), copy.digest());
            });
        }
    }

    private static void random() {
        check("SecureRandom gives bytes, each time others", () -> {
            SecureRandom random = SecureRandom.getInstance("PKCS11", provider);
            byte[] first = new byte[1000], second = new byte[1000];
            random.nextBytes(first);
            random.setSeed(7);
            random.nextBytes(second);
            yes(!Arrays.equals(first, second), "the same bytes");
        });
    }

    private static void rsa(KeyStore keys) throws Exception {
        for (int bits : new int[] {2048, 3072}) {
            KeyPair[] made = new KeyPair[1];
            check("an RSA-" + bits + " key pair is made", () -> {
                KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA", provider);
                generator.initialize(bits);
                made[0] = generator.generateKeyPair();
                yes(((RSAPublicKey) made[0].getPublic()).getModulus().bitLength() == bits, "another size");
            });
            if (made[0] == null) continue;
            PrivateKey secret = made[0].getPrivate();
            PublicKey ours = made[0].getPublic();
            PublicKey javas = KeyFactory.getInstance("RSA", "SunRsaSign").generatePublic(new X509EncodedKeySpec(ours.getEncoded()));
            for (String hash : List.of("SHA1", "SHA224", "SHA256", "SHA384", "SHA512")) {
                signature(hash + "withRSA", "RSA-" + bits, secret, ours, javas, "SunRsaSign", null);
            }
            for (String hash : List.of("SHA-1", "SHA-256", "SHA-384", "SHA-512")) {
                int length = MessageDigest.getInstance(hash).getDigestLength();
                PSSParameterSpec parameters = new PSSParameterSpec(hash, "MGF1", new MGF1ParameterSpec(hash), length, 1);
                if (has("Signature", "RSASSA-PSS")) signature("RSASSA-PSS", "RSA-" + bits + " " + hash, secret, ours, javas, "SunRsaSign", parameters);
            }
            cipherRoundTrip("RSA/ECB/PKCS1Padding", "RSA-" + bits, javas, secret, null, 100);
            check("RSA-" + bits + ": the token encrypts, Java decrypts nothing without the key", () -> {
                Cipher cipher = Cipher.getInstance("RSA/ECB/PKCS1Padding", provider);
                cipher.init(Cipher.ENCRYPT_MODE, ours);
                byte[] encrypted = cipher.doFinal(DATA, 0, 100);
                cipher.init(Cipher.DECRYPT_MODE, secret);
                same(Arrays.copyOf(DATA, 100), cipher.doFinal(encrypted));
            });
            check("RSA-" + bits + ": an AES key is wrapped and unwrapped", () -> {
                SecretKey key = new SecretKeySpec(DATA, 0, 32, "AES");
                Cipher cipher = Cipher.getInstance("RSA/ECB/PKCS1Padding", "SunJCE");
                cipher.init(Cipher.WRAP_MODE, javas);
                byte[] wrapped = cipher.wrap(key);
                Cipher unwrap = Cipher.getInstance("RSA/ECB/PKCS1Padding", provider);
                unwrap.init(Cipher.UNWRAP_MODE, secret);
                Key unwrapped = unwrap.unwrap(wrapped, "AES", Cipher.SECRET_KEY);
                byte[] block = Arrays.copyOf(DATA, 16);
                Cipher ecb = Cipher.getInstance("AES/ECB/NoPadding", provider);
                ecb.init(Cipher.ENCRYPT_MODE, unwrapped);
                Cipher javasEcb = Cipher.getInstance("AES/ECB/NoPadding", "SunJCE");
                javasEcb.init(Cipher.ENCRYPT_MODE, key);
                same(javasEcb.doFinal(block), ecb.doFinal(block));
            });
        }
    }

    private static void signature(String algorithm, String of, PrivateKey secret, PublicKey ours, PublicKey javas, String theirs,
            AlgorithmParameterSpec parameters) {
        if (!has("Signature", algorithm)) return;
        check(of + ": " + algorithm + " signs, Java and the token verify", () -> {
            Signature signer = Signature.getInstance(algorithm, provider);
            if (parameters != null) signer.setParameter(parameters);
            signer.initSign(secret);
            for (int i = 0; i < DATA.length; i += 1000) signer.update(DATA, i, 1000);
            byte[] signature = signer.sign();
            signer.update(DATA);
            byte[] again = signer.sign();
            for (byte[] each : List.of(signature, again)) {
                Signature verifier = Signature.getInstance(algorithm, theirs);
                if (parameters != null) verifier.setParameter(parameters);
                verifier.initVerify(javas);
                verifier.update(DATA);
                yes(verifier.verify(each), "Java says no");
                Signature own = Signature.getInstance(algorithm, provider);
                if (parameters != null) own.setParameter(parameters);
                own.initVerify(ours);
                own.update(DATA);
                // Java strips leading zeros from the halves of a signature: SoftHSM2 refuses the shorter ones on P-521.
                yes(own.verify(each) || (!coffer && of.equals("secp521r1")), "the token says no");
            }
        });
        check(of + ": " + algorithm + " refuses other data", () -> {
            Signature signer = Signature.getInstance(algorithm, provider);
            if (parameters != null) signer.setParameter(parameters);
            signer.initSign(secret);
            signer.update(DATA, 0, 10);
            byte[] signature = signer.sign();
            Signature own = Signature.getInstance(algorithm, provider);
            if (parameters != null) own.setParameter(parameters);
            own.initVerify(ours);
            own.update(DATA, 0, 11);
            yes(!own.verify(signature), "the token says yes");
        });
    }

    /** Java encrypts, the token decrypts. */
    private static void cipherRoundTrip(String transformation, String of, Key theirs, Key ours, AlgorithmParameterSpec parameters, int length) {
        check(of + ": Java encrypts with " + transformation + ", the token decrypts", () -> {
            Cipher javas = Cipher.getInstance(transformation, "SunJCE");
            javas.init(Cipher.ENCRYPT_MODE, theirs, parameters);
            byte[] encrypted = javas.doFinal(DATA, 0, length);
            Cipher cipher = Cipher.getInstance(transformation, provider);
            cipher.init(Cipher.DECRYPT_MODE, ours, parameters);
            same(Arrays.copyOf(DATA, length), cipher.doFinal(encrypted));
        });
    }

    private static void ec(KeyStore keys) throws Exception {
        for (String curve : List.of("secp256r1", "secp384r1", "secp521r1")) {
            KeyPair[] made = new KeyPair[1];
            check("a key pair on " + curve + " is made", () -> {
                KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", provider);
                generator.initialize(new ECGenParameterSpec(curve));
                made[0] = generator.generateKeyPair();
            });
            if (made[0] == null) continue;
            PrivateKey secret = made[0].getPrivate();
            PublicKey ours = made[0].getPublic();
            PublicKey javas = KeyFactory.getInstance("EC", "SunEC").generatePublic(new X509EncodedKeySpec(ours.getEncoded()));
            for (String hash : List.of("SHA1", "SHA224", "SHA256", "SHA384", "SHA512")) {
                signature(hash + "withECDSA", curve, secret, ours, javas, "SunEC", null);
                signature(hash + "withECDSAinP1363Format", curve, secret, ours, javas, "SunEC", null);
            }
            check(curve + ": 50 signatures of Java, of every length, are verified by the token", () -> {
                KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", "SunEC");
                generator.initialize(new ECGenParameterSpec(curve));
                KeyPair pair = generator.generateKeyPair();
                String algorithm = has("Signature", "SHA256withECDSA") ? "SHA256withECDSA" : "NONEwithECDSA";
                byte[] data = Arrays.copyOf(DATA, 32);
                for (int i = 0; i < 50; i++) {
                    Signature signer = Signature.getInstance(algorithm, "SunEC");
                    signer.initSign(pair.getPrivate());
                    data[0] = (byte) i;
                    signer.update(data);
                    byte[] signature = signer.sign();
                    Signature verifier = Signature.getInstance(algorithm, provider);
                    verifier.initVerify(pair.getPublic());
                    verifier.update(data);
                    yes(verifier.verify(signature) || (!coffer && curve.equals("secp521r1")), "the token refuses signature " + i);
                }
            });
            if (has("KeyAgreement", "ECDH")) {
                check(curve + ": ECDH agrees with Java", () -> {
                    KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", "SunEC");
                    generator.initialize(new ECGenParameterSpec(curve));
                    KeyPair peer = generator.generateKeyPair();
                    KeyAgreement agreement = KeyAgreement.getInstance("ECDH", provider);
                    agreement.init(secret);
                    agreement.doPhase(peer.getPublic(), true);
                    KeyAgreement theirs = KeyAgreement.getInstance("ECDH", "SunEC");
                    theirs.init(peer.getPrivate());
                    theirs.doPhase(javas, true);
                    same(theirs.generateSecret(), agreement.generateSecret());
                });
            }
        }
    }

    private static void aes(KeyStore keys) throws Exception {
        for (int bits : new int[] {128, 256}) {
            byte[] raw = new byte[bits / 8];
            System.arraycopy(DATA, 77, raw, 0, raw.length);
            SecretKey javas = new SecretKeySpec(raw, "AES");
            SecretKey[] imported = new SecretKey[1];
            check("an AES-" + bits + " key is imported", () -> imported[0] = SecretKeyFactory.getInstance("AES", provider).translateKey(javas));
            if (imported[0] == null) continue;
            SecretKey ours = imported[0];
            IvParameterSpec iv = new IvParameterSpec(DATA, 300, 16);
            String name = "AES-" + bits;
            for (String mode : List.of("ECB/NoPadding", "ECB/PKCS5Padding", "CBC/NoPadding", "CBC/PKCS5Padding", "CTR/NoPadding")) {
                String transformation = "AES/" + mode;
                AlgorithmParameterSpec parameters = mode.startsWith("ECB") ? null : iv;
                boolean blocks = mode.endsWith("NoPadding") && !mode.startsWith("CTR");
                symmetric(name, transformation, javas, ours, parameters, blocks ? new int[] {16, 1600} : new int[] {1, 15, 16, 17, 1000, 4999});
            }
            for (int tag : new int[] {128, 120, 96}) {
                if (!has("Cipher", "AES/GCM/NoPadding")) break;
                gcm(name, javas, ours, tag);
            }
            check(name + ": a key is made and encrypts", () -> {
                KeyGenerator generator = KeyGenerator.getInstance("AES", provider);
                generator.init(bits);
                SecretKey key = generator.generateKey();
                Cipher cipher = Cipher.getInstance("AES/CBC/PKCS5Padding", provider);
                cipher.init(Cipher.ENCRYPT_MODE, key);
                byte[] encrypted = cipher.doFinal(DATA);
                AlgorithmParameters parameters = cipher.getParameters();
                cipher.init(Cipher.DECRYPT_MODE, key, parameters);
                same(DATA, cipher.doFinal(encrypted));
            });
        }
    }

    private static void symmetric(String name, String transformation, SecretKey javas, SecretKey ours, AlgorithmParameterSpec parameters, int[] lengths) {
        if (!has("Cipher", transformation)) return;
        check(name + ": " + transformation + " encrypts and decrypts as Java does", () -> {
            for (int length : lengths) {
                Cipher theirs = Cipher.getInstance(transformation, "SunJCE");
                theirs.init(Cipher.ENCRYPT_MODE, javas, parameters);
                byte[] expected = theirs.doFinal(DATA, 0, length);
                Cipher cipher = Cipher.getInstance(transformation, provider);
                cipher.init(Cipher.ENCRYPT_MODE, ours, parameters);
                same(expected, cipher.doFinal(DATA, 0, length));
                // in pieces of seven bytes
                cipher.init(Cipher.ENCRYPT_MODE, ours, parameters);
                same(expected, inPieces(cipher, DATA, length));
                cipher.init(Cipher.DECRYPT_MODE, ours, parameters);
                same(Arrays.copyOf(DATA, length), inPieces(cipher, expected, expected.length));
            }
        });
    }

    private static byte[] inPieces(Cipher cipher, byte[] data, int length) throws Exception {
        ByteArrayOutputStream output = new ByteArrayOutputStream();
        for (int i = 0; i < length; i += 7) {
            byte[] piece = cipher.update(data, i, Math.min(7, length - i));
            if (piece != null) output.write(piece);
        }
        output.write(cipher.doFinal());
        return output.toByteArray();
    }

    private static void gcm(String name, SecretKey javas, SecretKey ours, int tag) {
        String transformation = "AES/GCM/NoPadding";
        check(name + ": GCM with a tag of " + tag + " bits encrypts and decrypts as Java does", () -> {
            for (int length : new int[] {0, 1, 16, 1000, 4999}) {
                GCMParameterSpec parameters = new GCMParameterSpec(tag, DATA, length % 100, 12);
                Cipher theirs = Cipher.getInstance(transformation, "SunJCE");
                theirs.init(Cipher.ENCRYPT_MODE, javas, parameters);
                theirs.updateAAD(DATA, 0, length % 20);
                byte[] expected = theirs.doFinal(DATA, 0, length);
                Cipher cipher = Cipher.getInstance(transformation, provider);
                cipher.init(Cipher.ENCRYPT_MODE, ours, parameters);
                cipher.updateAAD(DATA, 0, length % 20);
                same(expected, cipher.doFinal(DATA, 0, length));
                cipher.init(Cipher.DECRYPT_MODE, ours, parameters);
                cipher.updateAAD(DATA, 0, length % 20);
                same(Arrays.copyOf(DATA, length), inPieces(cipher, expected, expected.length));
            }
        });
        check(name + ": GCM with a tag of " + tag + " bits refuses a flipped bit", () -> {
            GCMParameterSpec parameters = new GCMParameterSpec(tag, DATA, 9, 12);
            Cipher cipher = Cipher.getInstance(transformation, provider);
            cipher.init(Cipher.ENCRYPT_MODE, ours, parameters);
            byte[] encrypted = cipher.doFinal(DATA);
            encrypted[100] ^= 1;
            cipher.init(Cipher.DECRYPT_MODE, ours, parameters);
            throwing(GeneralSecurityException.class, () -> cipher.doFinal(encrypted));
        });
    }

    private static void macs() throws Exception {
        for (String hash : List.of("SHA1", "SHA224", "SHA256", "SHA384", "SHA512")) {
            check("Hmac" + hash + " is Java's", () -> {
                SecretKey key = new SecretKeySpec(DATA, 500, 64, "Hmac" + hash);
                Mac theirs = Mac.getInstance("Hmac" + hash, "SunJCE");
                theirs.init(key);
                Mac mac = Mac.getInstance("Hmac" + hash, provider);
                mac.init(key);
                same(theirs.doFinal(DATA), mac.doFinal(DATA));
                for (int i = 0; i < DATA.length; i += 100) mac.update(DATA, i, 100);
                same(theirs.doFinal(DATA), mac.doFinal());
            });
        }
    }

    private static X509Certificate certificate(String path) throws Exception {
        return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(Files.readAllBytes(Path.of(path))));
    }

    private static PrivateKey privateKey(String algorithm, String path) throws Exception {
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(Files.readAllBytes(Path.of(path))));
    }

    /** Key entries, certificates and secret keys put into the key store stay in the token. */
    private static void imports(KeyStore keys) throws Exception {
        for (String kind : List.of("rsa", "ec")) {
            String algorithm = kind.toUpperCase(Locale.ROOT);
            check("a " + kind + " key with its certificate is put into the key store", () ->
                keys.setKeyEntry("in-" + kind, privateKey(algorithm, kind + ".p8"), NO_PASSWORD, new Certificate[] {certificate(kind + ".crt")}));
            check("the imported " + kind + " key signs", () -> {
                PrivateKey key = (PrivateKey) keys.getKey("in-" + kind, NO_PASSWORD);
                yes(key.getEncoded() == null, "the key came out of the token");
                String name = has("Signature", "SHA256with" + kind) ? "SHA256with" + (kind.equals("rsa") ? "RSA" : "ECDSA") : "NONEwithECDSA";
                if (kind.equals("ec") && !has("Signature", "SHA256withECDSA")) name = "NONEwithECDSA";
                byte[] data = Arrays.copyOf(DATA, 32);
                Signature signer = Signature.getInstance(name, provider);
                signer.initSign(key);
                signer.update(data);
                byte[] signature = signer.sign();
                Signature verifier = Signature.getInstance(name, kind.equals("rsa") ? "SunRsaSign" : "SunEC");
                verifier.initVerify(keys.getCertificate("in-" + kind).getPublicKey());
                verifier.update(data);
                yes(verifier.verify(signature), "Java says no");
            });
        }
        check("a trusted certificate is refused by Java itself", () ->
            throwing(KeyStoreException.class, () -> keys.setCertificateEntry("ca", certificate("ca.crt"))));
        check("a secret key is put into the key store", () -> keys.setKeyEntry("aes", new SecretKeySpec(DATA, 0, 32, "AES"), NO_PASSWORD, null));
        check("the key store lists all of them", () -> {
            Set<String> names = new TreeSet<>(Collections.list(keys.aliases()));
            yes(names.containsAll(Set.of("in-rsa", "in-ec", "aes")), "it lists " + names);
        });
        check("the entries are of the right kind", () -> {
            yes(keys.isKeyEntry("in-rsa") && keys.isKeyEntry("aes") && !keys.isCertificateEntry("in-ec"), "one is not");
        });
        check("a second key store on the token sees them", () -> {
            KeyStore other = KeyStore.getInstance("PKCS11", provider);
            other.load(null, null);
            yes(other.containsAlias("in-ec") && other.getCertificateChain("in-ec").length >= 1, "it does not");
        });
        check("an entry is deleted", () -> {
            keys.deleteEntry("aes");
            yes(!keys.containsAlias("aes"), "it is still there");
        });
    }

    private static void threads() {
        check("8 threads sign, digest and encrypt at once", () -> {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA", provider);
            generator.initialize(2048);
            KeyPair pair = generator.generateKeyPair();
            SecretKey aes = SecretKeyFactory.getInstance("AES", provider).translateKey(new SecretKeySpec(DATA, 0, 16, "AES"));
            ExecutorService pool = Executors.newFixedThreadPool(8);
            List<Future<?>> results = new ArrayList<>();
            for (int thread = 0; thread < 8; thread++) {
                results.add(pool.submit(() -> {
                    for (int i = 0; i < 25; i++) {
                        Signature signer = Signature.getInstance("SHA256withRSA", provider);
                        signer.initSign(pair.getPrivate());
                        signer.update(DATA);
                        byte[] signature = signer.sign();
                        Signature verifier = Signature.getInstance("SHA256withRSA", "SunRsaSign");
                        verifier.initVerify(pair.getPublic());
                        verifier.update(DATA);
                        yes(verifier.verify(signature), "a wrong signature");
                        Cipher cipher = Cipher.getInstance("AES/CBC/PKCS5Padding", provider);
                        IvParameterSpec iv = new IvParameterSpec(DATA, i, 16);
                        cipher.init(Cipher.ENCRYPT_MODE, aes, iv);
                        byte[] encrypted = cipher.doFinal(DATA);
                        cipher.init(Cipher.DECRYPT_MODE, aes, iv);
                        same(DATA, cipher.doFinal(encrypted));
                        same(MessageDigest.getInstance("SHA-256", "SUN").digest(DATA), MessageDigest.getInstance("SHA-256", provider).digest(DATA));
                    }
                    return null;
                }));
            }
            pool.shutdown();
            for (Future<?> result : results) result.get();
        });
    }
}
