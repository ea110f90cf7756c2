//! JSON Web Tokens (RFC 7519) that are signed and expire.

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

use super::verified::{LEEWAY, TokenError, VerifiedToken};
use crate::{auth::key::repeats_itself, error::Error, ini::without_bom};

/// Minimum length of a secret for HS256: that of its hash (RFC 7518, section 3.2).
const MIN_SECRET_BYTES: usize = 32;
/// Maximum length of a caller's name; the rest of a longer `sub` is ignored.
const MAX_NAME_CHARS: usize = 64;
/// The year 5138 in seconds since 1970, but 1973 in milliseconds: a larger number must be in milliseconds.
const LATEST: u64 = 100_000_000_000;

/// The keys that tokens are verified with: a secret that also signs (HS256), a public key that only verifies
/// (RS256, ES256 or EdDSA), or both.
///
/// Each key works with exactly one algorithm. The algorithm that a token names must be that one; it never
/// selects how the token is verified (RFC 8725, section 3.1). `exp` is required and `nbf` is checked, both
/// with a tolerance of 30 seconds for clocks that differ. The default has no key, and accepts no token.
///
/// ```
/// let tokens = replyd::Tokens::default().with_secret(b"0123456789 abcdefghij ABCDEFGHIJ")?;
/// let token = tokens.mint("shop", std::time::Duration::from_secs(900))?;
/// assert_eq!(tokens.verify(&token).unwrap().name, "shop");
/// # Ok::<(), replyd::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Tokens {
    secret: Option<Arc<[u8]>>,
    verifiers: Vec<TokenKey>,
    issuer: Option<String>,
    audience: Option<String>,
}

#[derive(Clone)]
struct TokenKey {
    key: DecodingKey,
    algorithm: Algorithm,
    sha256: [u8; 32],
}

impl Tokens {
    /// Accepts tokens signed with this secret (HS256), and signs new ones with it.
    ///
    /// # Errors
    ///
    /// When the secret has fewer than 32 bytes, repeats itself, or is a key or certificate in PEM.
    pub fn with_secret(mut self, secret: &[u8]) -> Result<Tokens, Error> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(Error::plain(format!(
                "the secret has {} bytes and can be guessed; use at least {MIN_SECRET_BYTES} random bytes",
                secret.len()
            )));
        }
        if repeats_itself(secret) {
            return Err(Error::plain(
                "the secret repeats a few characters and can be guessed; use random bytes",
            ));
        }
        if without_bom(secret).starts_with(PEM_BEGIN.as_bytes()) {
            // Anybody who has the public key could sign tokens with it.
            return Err(Error::plain(
                "the secret is a key or certificate in PEM; use random bytes for it, and set a public key as such \
                 (jwt_public_key_file in a configuration)",
            ));
        }
        self.secret = Some(secret.into());
        self.add(DecodingKey::from_secret(secret), Algorithm::HS256, secret);
        Ok(self)
    }

    /// Accepts tokens signed with the private key to this public key, in PEM: RSA (RS256) of 2048 to 8192
    /// bits, P-256 (ES256) or Ed25519 (EdDSA).
    ///
    /// # Errors
    ///
    /// When `pem` is not exactly one such key.
    pub fn with_public_key(mut self, pem: &[u8]) -> Result<Tokens, Error> {
        let (key, algorithm) =
            public_key(without_bom(pem)).map_err(|fault| Error::plain(format!("the PEM file {fault}")))?;
        self.add(key, algorithm, pem);
        Ok(self)
    }

    /// Accepts only tokens with this `iss`, and puts it into new ones.
    pub fn with_issuer(self, issuer: &str) -> Tokens {
        Tokens { issuer: Some(issuer.to_owned()), ..self }
    }

    /// Accepts only tokens with this `aud`, and puts it into new ones.
    pub fn with_audience(self, audience: &str) -> Tokens {
        Tokens { audience: Some(audience.to_owned()), ..self }
    }

    /// Replaces the secret by that of `other`: a reload keeps the old one when the new file is faulty.
    pub(crate) fn with_secret_of(mut self, other: &Tokens) -> Tokens {
        self.secret.clone_from(&other.secret);
        self.with_verifiers_of(other, |algorithm| algorithm == Algorithm::HS256)
    }

    /// Replaces the public keys by those of `other`.
    pub(crate) fn with_public_keys_of(self, other: &Tokens) -> Tokens {
        self.with_verifiers_of(other, |algorithm| algorithm != Algorithm::HS256)
    }

    fn with_verifiers_of(mut self, other: &Tokens, wanted: fn(Algorithm) -> bool) -> Tokens {
        self.verifiers.retain(|verifier| !wanted(verifier.algorithm));
        self.verifiers.extend(other.verifiers.iter().filter(|verifier| wanted(verifier.algorithm)).cloned());
        self
    }

    /// Whether there is a secret to sign with.
    pub fn can_sign(&self) -> bool {
        self.secret.is_some()
    }

    fn add(&mut self, key: DecodingKey, algorithm: Algorithm, secret: &[u8]) {
        self.verifiers.push(TokenKey { key, algorithm, sha256: Sha256::digest(secret).into() });
    }

    /// Whether there is no key to verify a token with.
    pub fn is_empty(&self) -> bool {
        self.verifiers.is_empty()
    }

    /// Signs a token for `name` that is valid for `time`, rounded down to whole seconds.
    ///
    /// # Errors
    ///
    /// When there is no secret, since a public key cannot sign.
    pub fn mint(&self, name: &str, time: Duration) -> Result<String, Error> {
        let Some(secret) = &self.secret else {
            return Err(Error::plain("there is no secret to sign a token with"));
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        // `verify` rejects a later time as one in milliseconds.
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

    /// Verifies the signature and the claims of a token.
    ///
    /// # Errors
    ///
    /// The reason why the token is not valid. Where there are several keys, it is that of the key with the
    /// token's algorithm.
    pub fn verify(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        let header = decode_header(token).map_err(|_| refused_header(token))?;
        if header.crit.is_some() {
            // Extensions in 'crit' must be understood or the token rejected (RFC 7515, section 4.1.11). None
            // is.
            return Err(TokenError::new("it has a 'crit' header, and no extension is supported"));
        }
        let mut why = TokenError::new("there is no key to verify tokens with");
        for verifier in &self.verifiers {
            match decode::<Map<String, Value>>(token, &verifier.key, &self.validation(verifier.algorithm)) {
                // The library allows the last second of the leeway, in which the session would already have
                // to end.
                Ok(data) => {
                    let verified = verified(&data.claims, self.id(verifier))?;
                    let has_expired = verified.until + LEEWAY <= SystemTime::now();
                    return if has_expired {
                        Err(described(&ErrorKind::ExpiredSignature, token))
                    } else {
                        Ok(verified)
                    };
                }
                Err(error) if verifier.algorithm == header.alg => why = described(error.kind(), token),
                Err(_) if self.verifiers.iter().all(|verifier| verifier.algorithm != header.alg) => {
                    why = TokenError::new(format!(
                        "it is signed with {:?}, for which there is no key",
                        header.alg
                    ));
                }
                // Another key has the token's algorithm, and its error says more.
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
        // jsonwebtoken accepts a token without a claim unless it is required here, even if a value is set for
        // it.
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

    /// Whether the key that verified a token is still among these, with the same issuer and audience.
    pub(crate) fn has(&self, verifier: &[u8; 32]) -> bool {
        self.verifiers.iter().any(|other| self.id(other) == *verifier)
    }

    /// Identifies a key with its issuer and audience. Each part is hashed first, so that no two combinations
    /// coincide.
    fn id(&self, verifier: &TokenKey) -> [u8; 32] {
        let claims = [&self.issuer, &self.audience].map(|claim| claim.as_deref().unwrap_or_default());
        let mut hash = Sha256::new_with_prefix(verifier.sha256);
        claims.iter().for_each(|claim| hash.update(Sha256::digest(claim)));
        hash.finalize().into()
    }
}

impl fmt::Debug for Tokens {
    /// Shows no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms: Vec<Algorithm> = self.verifiers.iter().map(|verifier| verifier.algorithm).collect();
        f.debug_struct("Tokens").field("algorithms", &algorithms).finish_non_exhaustive()
    }
}

const PEM_BEGIN: &str = "-----BEGIN ";

/// The only public key in a PEM file, with its algorithm. jsonwebtoken would use the first of several keys,
/// accept private RSA keys, and report an unsupported size or curve only when it verifies a token.
fn public_key(pem: &[u8]) -> Result<(DecodingKey, Algorithm), String> {
    let text = String::from_utf8_lossy(pem);
    let blocks = text.split(PEM_BEGIN).skip(1);
    let labels: Vec<&str> = blocks.map(|block| block.split("-----").next().unwrap_or_default()).collect();
    if labels.iter().any(|label| label.contains("PRIVATE KEY")) {
        return Err("holds a private key, which only the issuer may have; use its public key \
                    ('openssl pkey -in FILE -pubout' prints it)"
            .into());
    }
    if labels.len() > 1 {
        return Err(format!("holds {} keys or certificates; keep only the one that signs", labels.len()));
    }
    if labels == ["CERTIFICATE"] {
        return Err(
            "holds a certificate; use its public key ('openssl x509 -in FILE -noout -pubkey' prints it)"
                .into(),
        );
    }
    // PEM labels do not tell these kinds apart ("PUBLIC KEY" is any of them), so that each parser is tried.
    let rsa = DecodingKey::from_rsa_pem(pem).map(|key| (key, Algorithm::RS256));
    let ec = || DecodingKey::from_ec_pem(pem).map(|key| (key, Algorithm::ES256));
    let ed = || DecodingKey::from_ed_pem(pem).map(|key| (key, Algorithm::EdDSA));
    let unknown = || "is not a public key of RSA, P-256 or Ed25519 ('-----BEGIN PUBLIC KEY-----')".to_owned();
    let (key, algorithm) = rsa.or_else(|_| ec()).or_else(|_| ed()).map_err(|_| unknown())?;
    let bytes = key.try_get_as_bytes().map_err(|_| unknown())?;
    match algorithm {
        Algorithm::RS256 => check_rsa(bytes),
        Algorithm::ES256 => check_curve(bytes),
        _ => ParsedPublicKey::new(&ED25519, bytes).map(drop).map_err(|_| unknown()),
    }?;
    Ok((key, algorithm))
}

/// Checks the size of an RSA key. aws-lc verifies RS256 as `RSA_PKCS1_2048_8192_SHA256`, and rejects any
/// other size only when a token comes.
fn check_rsa(key: &[u8]) -> Result<(), String> {
    let key = RsaPublicKey::from_der(key).map_err(|_| "holds an RSA key that is not valid")?;
    let modulus = key.modulus().big_endian_without_leading_zero();
    let bits = modulus.len() * 8 - modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
    match bits {
        0..2048 => Err(format!("holds an RSA key of {bits} bits, which can be broken; use at least 2048")),
        2048..=8192 => Ok(()),
        _ => Err(format!("holds an RSA key of {bits} bits; at most 8192 are supported")),
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
            format!("holds a key on the curve {curve}; the only supported curve is P-256 (ES256)")
        }
        None => "holds a key that is not on P-256, the only supported curve (ES256)".into(),
    })
}

fn verified(claims: &Map<String, Value>, verifier: [u8; 32]) -> Result<VerifiedToken, TokenError> {
    let name = match claims.get("sub") {
        Some(Value::String(name)) if !name.trim().is_empty() => name,
        // Some services have numbers, in spite of RFC 7519, section 4.1.2.
        Some(Value::Number(number)) => &number.to_string(),
        _ => "token",
    };
    let name: String = name.chars().take(MAX_NAME_CHARS).collect();
    if let Some(fault) = in_milliseconds(claims, "exp") {
        return Err(fault);
    }
    let until = time_of(claims, "exp").ok_or_else(|| TokenError::new("its 'exp' is not a time"))?;
    Ok(VerifiedToken { name, until, verifier })
}

/// A time in milliseconds is a common mistake. Read as seconds, the token would never expire, or never become
/// valid.
fn in_milliseconds(claims: &Map<String, Value>, claim: &str) -> Option<TokenError> {
    let is_too_large = seconds_of(claims, claim)? > LATEST;
    is_too_large.then(|| TokenError::new(format!("its '{claim}' is in milliseconds; it must be in seconds")))
}

/// The time of a claim, at most a century from now, so that adding the leeway to it cannot overflow.
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

/// Why a header cannot be read: it may be that of a genuine token with an unsupported algorithm.
fn refused_header(token: &str) -> TokenError {
    let header = token.split('.').next().unwrap_or_default();
    let header = data_encoding::BASE64URL_NOPAD.decode(header.as_bytes()).unwrap_or_default();
    let algorithm = serde_json::from_slice::<Value>(&header).ok();
    match algorithm.as_ref().and_then(|header| header["alg"].as_str()) {
        Some(none) if none.eq_ignore_ascii_case("none") => {
            TokenError::new("algorithm none is never accepted")
        }
        Some(_) => TokenError::new("its algorithm or header is not supported"),
        None => TokenError::new("it is not a JSON Web Token"),
    }
}

fn described(error: &ErrorKind, token: &str) -> TokenError {
    // Claims are checked after the signature, so that those of an error about a claim can be trusted.
    let claims = || insecure_decode(token).map(|data| data.claims).unwrap_or_default();
    if let Some(fault) = in_milliseconds(&claims(), "nbf").filter(|_| *error == ErrorKind::ImmatureSignature)
    {
        return fault;
    }
    let distance = |claim: &str| {
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
        ErrorKind::ExpiredSignature => format!("it expired {} ago", distance("exp")),
        ErrorKind::ImmatureSignature => format!("it is not valid yet, but in {}", distance("nbf")),
        ErrorKind::MissingRequiredClaim(claim) => format!("it has no valid '{claim}'"),
        ErrorKind::InvalidClaimFormat(claim) => format!("its '{claim}' is not a time"),
        ErrorKind::InvalidIssuer => "it is from another issuer ('iss')".to_owned(),
        ErrorKind::InvalidAudience => "it is for another audience ('aud')".to_owned(),
        _ => "it is not a readable JSON Web Token".to_owned(),
    })
}
