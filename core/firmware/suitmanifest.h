#pragma once
// A SUIT envelope (draft-ietf-suit-manifest-37): what can be said of it before anything is trusted, and the manifest
// once its signature and then its digest held. There is no other way to a SuitManifest: nothing in it is read before.
//
//   const SuitEnvelope envelope = SuitEnvelope::parse(bytes);
//   const SuitManifest manifest = envelope.open(signerPem);
//   manifest.check(target);
//   manifest.checkPayloads(detached);
//
// Commands are followed on paper only: where it depends on the device how they go on (a slot, an image that may be
// there already), every way is followed, and each coherent one is a plan. MACs are not checked: their key is secret.
// Encrypted payloads, dependencies and private commands are refused as unsupported.
//
// Throws firmware.suit (not readable), firmware.suit-unsigned, firmware.suit-key, firmware.suit-digest, and of what is
// authentic: firmware.suit-version, firmware.suit-manifest (breaks the draft's rules), firmware.suit-unsupported,
// firmware.suit-older, firmware.suit-equal, firmware.suit-identity, firmware.suit-no-identity,
// firmware.suit-components, firmware.suit-severed, firmware.suit-unvouched, firmware.suit-payload-missing, -size,
// -digest.

#include "core/firmware/suitformat.h"

#include <QJsonObject>
#include <QList>
#include <QMap>
#include <QStringList>
#include <QUuid>

#include <memory>
#include <optional>

namespace slipway {

// The device that a manifest is for; what is not known is not judged.
struct SuitTarget {
    std::optional<quint64> sequence; // of the manifest it has now
    bool allowEqual = false;         // the same sequence number once more
    std::optional<QUuid> vendor, deviceClass, device;
    std::optional<int> components; // how many it has
    std::optional<quint64> slot;   // where it would be stored
};

struct SuitPayload {
    QString uri;
    int component = 0;
    std::optional<suit::Digest> digest;
    std::optional<quint64> size;
    bool operator==(const SuitPayload &) const = default;
};

// What the manifest does in one coherent case.
struct SuitPlan {
    struct Component {
        std::optional<quint64> slot; // the case: the component is to be in this slot
        QString vendor, deviceClass, device;
        std::optional<suit::Digest> digest; // of what is there in the end
        std::optional<quint64> size;
        QString stored;              // "fetched", "written", "copied", "swapped"; empty: nothing is stored
        QByteArray content{};        // written: what
        std::optional<int> source{}; // copied, swapped: which component from
        bool invoked = false;
        bool operator==(const Component &) const = default;
    };
    QList<Component> components;
    QList<SuitPayload> payloads; // to be fetched, in order
    bool operator==(const SuitPlan &) const = default;
};

class SuitEnvelope;

class SuitManifest
{
public:
    static constexpr int MaximumComponents = 32;

    quint64 sequence() const { return m_sequence; }
    QString referenceUri() const { return m_referenceUri; }
    const QStringList &components() const { return m_components; } // "00", "usr/bin/env"
    // All cases, without regard to a device.
    const QList<SuitPlan> &plans() const { return m_plans; }
    const QStringList &severed() const { return m_severed; } // "install": taken out of the envelope
    // Texts of the manifest in English or its first language: "version of 00" to "1.2".
    const QMap<QString, QString> &texts() const { return m_texts; }
    const QMap<QString, QByteArray> &integrated() const { return m_integrated; }

    // Rollback, identity, number of components; the plans that are left for this device.
    QList<SuitPlan> check(const SuitTarget &target) const;
    // Every integrated payload against size and digest; with detached ones (files that came separately) each must be
    // what some payload's digest names. Returns the URIs that nobody gave.
    QStringList checkPayloads(const QList<QByteArray> &detached) const;
    // {"sequence","reference-uri","components":[...],"plans":[{"components":[...],"payloads":[...]}],"severed":[...],
    //  "texts":{...}}
    QJsonObject toJson() const;

private:
    friend class SuitEnvelope;
    struct Program;
    void read(const QByteArray &manifest, const SuitEnvelope &envelope);
    void readTexts(const QByteArray &bytes);

    quint64 m_sequence = 0;
    QString m_referenceUri;
    QStringList m_components;
    QList<SuitPlan> m_plans;
    QStringList m_severed;
    QMap<QString, QString> m_texts;
    QMap<QString, QByteArray> m_integrated;
    std::shared_ptr<const Program> m_program;
};

class SuitEnvelope
{
public:
    static constexpr int MaximumSignatures = 8;

    // Begins as a tagged envelope does.
    static bool looksLike(QByteArrayView bytes);
    // The outside only: the parts and their sizes.
    static SuitEnvelope parse(const QByteArray &bytes);

    const suit::Digest &digest() const { return m_digest; } // as stated; nothing is checked yet
    QStringList signatureNames() const;                     // "ES256"; "MAC" for those that cannot be checked
    qsizetype manifestSize() const { return m_manifest.size(); }
    const QMap<int, QByteArray> &severable() const { return m_severable; }
    const QMap<QString, QByteArray> &integrated() const { return m_integrated; }

    // Signature first, then digest, then the manifest. The key: SubjectPublicKeyInfo or certificate, PEM.
    SuitManifest open(const QByteArray &publicKeyPem) const;

private:
    QByteArray m_digestBytes; // encoded: what was signed
    suit::Digest m_digest;
    QList<QByteArray> m_blocks;
    QByteArray m_manifest;
    QMap<int, QByteArray> m_severable;
    QMap<QString, QByteArray> m_integrated;
};

} // namespace slipway
