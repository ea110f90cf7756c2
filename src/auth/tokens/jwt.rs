//! Temporary secrets: JSON Web Tokens (RFC 7519) that are signed and run out.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    rsa::PublicKey as RsaPublicKey,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
        VerificationAlgorithm,
    },
};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, dangerous::insecure_decode, decode,
    decode_header, encode, errors::ErrorKind,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{LEEWAY, TokenError, VerifiedToken};
use crate::error::Error;

/// A key of HS256 must be as long as its hash (RFC 7518, section 3.2).
const MIN_SECRET_BYTES: usize = 32;
/// What of a token's `sub` is the caller's name.
const MAX_NAME_CHARS: usize = 64;
/// The year 5138 in seconds since 1970, and 1973 in milliseconds: whoever writes a larger number means milliseconds.
const LATEST: u64 = 100_000_000_000;

/// What tokens are checked with: a secret that signs and verifies (HS256), a public key that only verifies (RS256, ES256 or
/// EdDSA), or both.
///
/// Each key has the one algorithm that fits it; what a token says of itself is compared with that, and never chooses. `exp`
/// is required, `nbf` is checked, 30 seconds are allowed for clocks that differ.
///
/// ```
/// let tokens = replyd::Tokens::default().with_secret(b"0123456789 0123456789 0123456789")?;
/// let token = tokens.mint("shop", std::time::Duration::from_secs(900))?;
/// assert_eq!(tokens.verify(&token).unwrap().name, "shop");
/// # Ok::<(), replyd::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Tokens {
    secret: Option<Arc<[u8]>>,
    verifiers: Vec<Verifier>,
    issuer: Option<String>,
    audience: Option<String>,
}

#[derive(Clone)]
struct Verifier {
    key: DecodingKey,
    algorithm: Algorithm,
    sha256: [u8; 32],
}

impl Tokens {
    /// Takes tokens that are signed with this secret (HS256), and signs some.
    ///
    /// # Errors
    ///
    /// When it has fewer than 32 bytes, or is a key in PEM.
    pub fn with_secret(mut self, secret: &[u8]) -> Result<Tokens, Error> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(Error::plain(format!(
                "has {} bytes and can be guessed; {MIN_SECRET_BYTES} random ones are needed at least",
                secret.len()
            )));
        }
        if secret.starts_with(PEM_BEGIN.as_bytes()) {
            // As a secret, a public key would sign whatever anybody likes.
            return Err(Error::plain(
                "is a key or a certificate in PEM; name a file with a public key as jwt_public_key_file, and make a secret of \
                 random bytes",
            ));
        }
        self.secret = Some(secret.into());
        self.add(DecodingKey::from_secret(secret), Algorithm::HS256, secret);
        Ok(self)
    }

    /// Takes tokens that are signed with the private key to this public one, in PEM: RSA (RS256) of 2048 bits at least, P-256
    /// (ES256) or Ed25519 (EdDSA).
    ///
    /// # Errors
    ///
    /// When it is not one such key.
    pub fn with_public_key(mut self, pem: &[u8]) -> Result<Tokens, Error> {
        let (key, algorithm) = public_key(pem).map_err(Error::plain)?;
        self.add(key, algorithm, pem);
        Ok(self)
    }

    /// Takes only tokens with this `iss`, and puts it into those it signs.
    pub fn with_issuer(self, issuer: &str) -> Tokens {
        Tokens { issuer: Some(issuer.to_owned()), ..self }
    }

    /// Takes only tokens with this `aud`, and puts it into those it signs.
    pub fn with_audience(self, audience: &str) -> Tokens {
        Tokens { audience: Some(audience.to_owned()), ..self }
    }

    /// Takes over the secret of `other`.
    pub(crate) fn with_secret_of(mut self, other: &Tokens) -> Tokens {
        self.secret.clone_from(&other.secret);
        self.take_over(other, |algorithm| algorithm == Algorithm::HS256)
    }

    /// Takes over the public keys of `other`.
    pub(crate) fn with_public_keys_of(self, other: &Tokens) -> Tokens {
        self.take_over(other, |algorithm| algorithm != Algorithm::HS256)
    }

    fn take_over(mut self, other: &Tokens, wanted: fn(Algorithm) -> bool) -> Tokens {
        self.verifiers.extend(other.verifiers.iter().filter(|verifier| wanted(verifier.algorithm)).cloned());
        self
    }

    /// Whether there is a secret to sign with.
    pub fn can_sign(&self) -> bool {
        self.secret.is_some()
    }

    fn add(&mut self, key: DecodingKey, algorithm: Algorithm, secret: &[u8]) {
        self.verifiers.push(Verifier { key, algorithm, sha256: Sha256::digest(secret).into() });
    }

    /// Whether there is nothing to check a token with.
    pub fn is_empty(&self) -> bool {
        self.verifiers.is_empty()
    }

    /// Signs a token for `name` that holds for `time`, in whole seconds.
    ///
    /// # Errors
    ///
    /// When there is no secret: a public key cannot sign.
    pub fn mint(&self, name: &str, time: Duration) -> Result<String, Error> {
        let Some(secret) = &self.secret else {
            return Err(Error::plain("there is no secret to sign with"));
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let until = now.saturating_add(time.as_secs()).min(LATEST);
        let mut claims = json!({ "sub": name, "iat": now, "exp": until });
        for (claim, value) in [("iss", &self.issuer), ("aud", &self.audience)] {
            if let Some(value) = value {
                claims[claim] = json!(value);
            }
        }
        encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret))
            .map_err(|_| Error::plain("the token cannot be signed with this secret"))
    }

    /// Checks a token.
    ///
    /// # Errors
    ///
    /// Why it is not taken.
    pub fn verify(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        let header = decode_header(token).map_err(|_| refused_header(token))?;
        if header.crit.is_some() {
            // RFC 7515, section 4.1.11: nothing that it may list is understood here.
            return Err(TokenError::new("it has a 'crit' header, which is not understood here"));
        }
        let mut why = TokenError::new("there is no key to check tokens with");
        for verifier in &self.verifiers {
            match decode::<Map<String, Value>>(token, &verifier.key, &self.validation(verifier.algorithm)) {
                // To the second it may still be good when its session would have to end.
                Ok(data) => {
                    let pass = pass(&data.claims, self.id(verifier))?;
                    let is_over = pass.until + LEEWAY <= SystemTime::now();
                    return if is_over {
                        Err(described(&ErrorKind::ExpiredSignature, token))
                    } else {
                        Ok(pass)
                    };
                }
                // Of several keys the one with this algorithm says why.
                Err(error) if verifier.algorithm == header.alg => why = described(error.kind(), token),
                Err(_) if self.verifiers.iter().all(|verifier| verifier.algorithm != header.alg) => {
                    why = TokenError::new(format!(
                        "it is signed with {:?}, for which there is no key here",
                        header.alg
                    ));
                }
                Err(_) => {}
            }
        }
        Err(why)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = LEEWAY.as_secs();
        validation.validate_nbf = true;
        validation.validate_aud = self.audience.is_some();
        let mut required = vec!["exp"];
        if let Some(issuer) = &self.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        if let Some(audience) = &self.audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        validation
    }

    /// Whether a token that this key verified would still be.
    pub(crate) fn has(&self, verifier: &[u8; 32]) -> bool {
        self.verifiers.iter().any(|other| self.id(other) == *verifier)
    }

    /// Tells whether a session's token would still be taken after the settings have changed.
    fn id(&self, verifier: &Verifier) -> [u8; 32] {
        let claims = [&self.issuer, &self.audience].map(|claim| claim.as_deref().unwrap_or_default());
        let mut hash = Sha256::new_with_prefix(verifier.sha256);
        claims.iter().for_each(|claim| hash.update(Sha256::digest(claim)));
        hash.finalize().into()
    }
}

impl fmt::Debug for Tokens {
    /// Without any key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms: Vec<Algorithm> = self.verifiers.iter().map(|verifier| verifier.algorithm).collect();
        f.debug_struct("Tokens").field("algorithms", &algorithms).finish_non_exhaustive()
    }
}

const PEM_BEGIN: &str = "-----BEGIN ";

/// The one public key in a file, with the algorithm that fits it. jsonwebtoken would take the first of several, private RSA keys
/// too, and notice a size or a curve that it cannot verify with only when a token comes.
fn public_key(pem: &[u8]) -> Result<(DecodingKey, Algorithm), String> {
    let text = String::from_utf8_lossy(pem);
    let blocks = text.split(PEM_BEGIN).skip(1);
    let labels: Vec<&str> = blocks.map(|block| block.split("-----").next().unwrap_or_default()).collect();
    if labels.iter().any(|label| label.contains("PRIVATE KEY")) {
        return Err("holds a private key, which belongs to whoever signs; put its public half there \
                    ('openssl pkey -in FILE -pubout' prints it)"
            .into());
    }
    if labels.len() > 1 {
        return Err(format!("holds {} keys or certificates; leave the one in it that signs", labels.len()));
    }
    if labels == ["CERTIFICATE"] {
        return Err("holds a certificate; put its public key there ('openssl x509 -in FILE -noout -pubkey' prints it)".into());
    }
    let rsa = DecodingKey::from_rsa_pem(pem).map(|key| (key, Algorithm::RS256));
    let ec = || DecodingKey::from_ec_pem(pem).map(|key| (key, Algorithm::ES256));
    let ed = || DecodingKey::from_ed_pem(pem).map(|key| (key, Algorithm::EdDSA));
    let unknown =
        || "is not a public key in PEM of RSA, P-256 or Ed25519 ('-----BEGIN PUBLIC KEY-----')".to_owned();
    let (key, algorithm) = rsa.or_else(|_| ec()).or_else(|_| ed()).map_err(|_| unknown())?;
    let bytes = key.try_get_as_bytes().map_err(|_| unknown())?;
    match algorithm {
        Algorithm::RS256 => check_rsa(bytes),
        Algorithm::ES256 => check_curve(bytes),
        _ => ParsedPublicKey::new(&ED25519, bytes).map(drop).map_err(|_| unknown()),
    }?;
    Ok((key, algorithm))
}

/// What verifies RS256 in aws-lc: `RSA_PKCS1_2048_8192_SHA256`.
fn check_rsa(key: &[u8]) -> Result<(), String> {
    let key = RsaPublicKey::from_der(key).map_err(|_| "holds an RSA key that is not valid")?;
    let modulus = key.modulus().big_endian_without_leading_zero();
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    match bits {
        0..2048 => {
            Err(format!("holds an RSA key of {bits} bits, which can be broken; 2048 are needed at least"))
        }
        2048..=8192 => Ok(()),
        _ => Err(format!("holds an RSA key of {bits} bits; 8192 are supported at most")),
    }
}

fn check_curve(point: &[u8]) -> Result<(), String> {
    if ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).is_ok() {
        return Ok(());
    }
    let other: [(_, &dyn VerificationAlgorithm); 2] =
        [("P-384", &ECDSA_P384_SHA384_FIXED), ("P-521", &ECDSA_P521_SHA512_FIXED)];
    Err(match other.iter().find(|(_, algorithm)| ParsedPublicKey::new(*algorithm, point).is_ok()) {
        Some((curve, _)) => {
            format!("holds a key on the curve {curve}; of the curves P-256 is supported (ES256)")
        }
        None => "holds a key that is not on the curve P-256, the one that is supported (ES256)".into(),
    })
}

fn pass(claims: &Map<String, Value>, verifier: [u8; 32]) -> Result<VerifiedToken, TokenError> {
    let name = claims.get("sub").and_then(Value::as_str).filter(|name| !name.trim().is_empty());
    let name: String = name.unwrap_or("token").chars().take(MAX_NAME_CHARS).collect();
    if let Some(fault) = in_milliseconds(claims, "exp") {
        return Err(fault);
    }
    let until = time_of(claims, "exp").ok_or_else(|| TokenError::new("its 'exp' is no time"))?;
    Ok(VerifiedToken { name, until, verifier })
}

/// As seconds it would be a token that never runs out, or never begins.
fn in_milliseconds(claims: &Map<String, Value>, claim: &str) -> Option<TokenError> {
    let is_too_large = seconds_of(claims, claim)? > LATEST;
    is_too_large.then(|| TokenError::new(format!("its '{claim}' is in milliseconds; it must be in seconds")))
}

/// A time in the far future is as good as any in the next hundred years.
fn time_of(claims: &Map<String, Value>, claim: &str) -> Option<SystemTime> {
    const CENTURY: u64 = 100 * 366 * 24 * 60 * 60;
    let seconds = seconds_of(claims, claim)?;
    let latest = SystemTime::now() + Duration::from_secs(CENTURY);
    Some(UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).map_or(latest, |time| time.min(latest)))
}

fn seconds_of(claims: &Map<String, Value>, claim: &str) -> Option<u64> {
    let seconds = claims.get(claim)?;
    seconds.as_u64().or_else(|| seconds.as_f64().map(|seconds| seconds as u64))
}

/// A header that cannot be read may be an honest token of a kind that is never taken.
fn refused_header(token: &str) -> TokenError {
    let header = token.split('.').next().unwrap_or_default();
    let header = data_encoding::BASE64URL_NOPAD.decode(header.as_bytes()).unwrap_or_default();
    let algorithm = serde_json::from_slice::<Value>(&header).ok();
    match algorithm.as_ref().and_then(|header| header["alg"].as_str()) {
        Some(none) if none.eq_ignore_ascii_case("none") => {
            TokenError::new("algorithm none is never accepted")
        }
        Some(_) => TokenError::new("its algorithm or header is not understood here"),
        None => TokenError::new("it is no JSON Web Token"),
    }
}

fn described(error: &ErrorKind, token: &str) -> TokenError {
    // The signature was right where a claim is blamed, so the claims can be believed.
    let claims = || insecure_decode(token).map(|data| data.claims).unwrap_or_default();
    if let Some(fault) = in_milliseconds(&claims(), "nbf").filter(|_| *error == ErrorKind::ImmatureSignature)
    {
        return fault;
    }
    let away = |claim: &str| {
        let time = time_of(&claims(), claim).unwrap_or(UNIX_EPOCH);
        let now = SystemTime::now();
        let seconds =
            now.duration_since(time).or_else(|_| time.duration_since(now)).unwrap_or_default().as_secs();
        match seconds {
            0..120 => format!("{seconds} s"),
            120..7200 => format!("{} min", seconds / 60),
            7200..172_800 => format!("{} h", seconds / 3600),
            _ => format!("{} days", seconds / 86_400),
        }
    };
    TokenError::new(match error {
        ErrorKind::InvalidSignature => "it is signed with another key, or was changed".to_owned(),
        ErrorKind::ExpiredSignature => format!("it expired {} ago", away("exp")),
        ErrorKind::ImmatureSignature => format!("it is not valid yet: in {}", away("nbf")),
        ErrorKind::MissingRequiredClaim(claim) => format!("it has no (right) '{claim}'"),
        ErrorKind::InvalidClaimFormat(claim) => format!("its '{claim}' is no time"),
        ErrorKind::InvalidIssuer => "it is from another issuer ('iss')".to_owned(),
        ErrorKind::InvalidAudience => "it is for another audience ('aud')".to_owned(),
        _ => "it is no JSON Web Token that can be read".to_owned(),
    })
}
