// SPDX-License-Identifier: GPL-2.0

//! A signer, with a key and its certificate.

use super::{key::Key, Hash, Signature};
use crate::{
    error::{printable, Error, Result},
    module_file::{ModuleFile, SIGNATURE_MARKER},
};
use cms::{
    cert::IssuerAndSerialNumber,
    content_info::{CmsVersion, ContentInfo},
    signed_data::{EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo},
};
use std::{fmt, fs, path::Path};
use x509_cert::{
    der::{
        asn1::{OctetString, SetOfVec},
        oid::db::rfc5911,
        Any, Decode, Encode,
    },
    Certificate,
};

/// `MODULE_SIGNATURE_TYPE_PKCS7`.
const PKCS7: u8 = 2;

/// A private key and its certificate.
pub struct Signer {
    key: Key,
    certificate: Certificate,
}

impl Signer {
    /// Reads the private key, and the certificate in PEM or DER form. `passphrase` decrypts an
    /// encrypted key.
    pub fn read(key: &Path, certificate: &Path, passphrase: Option<&str>) -> Result<Self> {
        let read = |path: &Path| {
            fs::read(path)
                .map_err(|error| Error::unusable(error).help("name the files after --sign"))
                .map_err(|error| error.context(path.display()))
        };
        let signer = Self {
            key: Key::parse(&read(key)?, passphrase)
                .map_err(|error| error.context(key.display()))?,
            certificate: parse_certificate(&read(certificate)?)
                .map_err(|error| error.context(certificate.display()))?,
        };
        let certified = &signer.certificate.tbs_certificate.subject_public_key_info;
        if *certified != signer.key.public()? {
            let (certificate, key) = (certificate.display(), key.display());
            let why = format!("{certificate} is not the certificate of the key in {key}");
            return Err(Error::unusable(why).help("give the two files that were made together"));
        }
        Ok(signer)
    }

    /// Appends a signature to `module`, in place of a previous one.
    pub fn sign(&self, module: &ModuleFile, hash: Hash) -> Result<(Vec<u8>, Signature)> {
        let message = self.message(module.elf(), hash)?;
        let message = message.to_der().map_err(unwritable)?;
        let length = u32::try_from(message.len()).map_err(unwritable)?;

        let mut bytes = module.elf().to_vec();
        bytes.extend(message);
        // struct module_signature
        bytes.extend([0, 0, PKCS7, 0, 0, 0, 0, 0]);
        bytes.extend(length.to_be_bytes());
        bytes.extend(SIGNATURE_MARKER);
        let certificate = &self.certificate.tbs_certificate;
        let signature = Signature {
            signer: printable(certificate.subject.to_string()),
            key: certificate.serial_number.to_string(),
            hash,
        };
        Ok((bytes, signature))
    }

    fn message(&self, content: &[u8], hash: Hash) -> Result<ContentInfo> {
        let certificate = &self.certificate.tbs_certificate;
        let signer = SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: certificate.issuer.clone(),
                serial_number: certificate.serial_number.clone(),
            }),
            digest_alg: hash.algorithm(),
            signed_attrs: None,
            signature_algorithm: self.key.algorithm(hash),
            signature: OctetString::new(self.key.sign(content, hash)?).map_err(unwritable)?,
            unsigned_attrs: None,
        };
        let message = SignedData {
            version: CmsVersion::V1,
            digest_algorithms: SetOfVec::try_from(vec![hash.algorithm()]).map_err(unwritable)?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: rfc5911::ID_DATA,
                econtent: None,
            },
            certificates: None,
            crls: None,
            signer_infos: SetOfVec::try_from(vec![signer]).map_err(unwritable)?.into(),
        };
        Ok(ContentInfo {
            content_type: rfc5911::ID_SIGNED_DATA,
            content: Any::encode_from(&message).map_err(unwritable)?,
        })
    }
}

/// Returns the hash of a module's signature, if the signature is of a kind that this module makes.
pub fn hash_of(module: &ModuleFile) -> Option<Hash> {
    let message = ContentInfo::from_der(module.signature()?).ok()?;
    let message: SignedData = message.content.decode_as().ok()?;
    let signer = message.signer_infos.0.get(0)?;
    Hash::from_oid(signer.digest_alg.oid)
}

fn parse_certificate(file: &[u8]) -> Result<Certificate> {
    let unreadable = |error: &dyn fmt::Display| {
        Error::unusable(format_args!("cannot read the certificate: {error}"))
            .help("give an X.509 certificate in PEM or DER form")
    };
    match pem::parse_many(file) {
        Ok(blocks) if !blocks.is_empty() => {
            let block = blocks
                .iter()
                .find(|block| block.tag() == "CERTIFICATE")
                .ok_or_else(|| unreadable(&"there is none in it"))?;
            Certificate::from_der(block.contents()).map_err(|error| unreadable(&error))
        }
        _ => Certificate::from_der(file).map_err(|error| unreadable(&error)),
    }
}

fn unwritable(error: impl fmt::Display) -> Error {
    Error::unusable(format_args!("cannot write the signature: {error}"))
}
