#pragma once
// Numbers and small parts of a SUIT manifest (draft-ietf-suit-manifest-37, appendix A and section 11). Room-internal.

#include <QByteArray>
#include <QByteArrayView>
#include <QCborMap>
#include <QCborValue>
#include <QString>

namespace slipway::suit {

constexpr quint64 EnvelopeTag = 107;

enum Element : int { Authentication = 2, Manifest = 3, PayloadFetch = 16, Install = 20, Text = 23 };
enum ManifestKey : int {
    Version = 1,
    SequenceNumber = 2,
    Common = 3,
    ReferenceUri = 4,
    Validate = 7,
    Load = 8,
    Invoke = 9
};
enum CommonKey : int { Components = 2, SharedSequence = 4 };

enum CommandCode : int {
    CheckVendor = 1,
    CheckClass = 2,
    ImageMatch = 3,
    ComponentSlot = 5,
    CheckContent = 6,
    SetComponentIndex = 12,
    Abort = 14,
    TryEach = 15,
    Write = 18,
    OverrideParameters = 20,
    Fetch = 21,
    Copy = 22,
    InvokeComponent = 23,
    CheckDevice = 24,
    Swap = 31,
    RunSequence = 32,
};

enum ParameterKey : int {
    VendorId = 1,
    ClassId = 2,
    ImageDigest = 3,
    Slot = 5,
    StrictOrder = 12,
    SoftFailure = 13,
    ImageSize = 14,
    Content = 18,
    Uri = 21,
    SourceComponent = 22,
    InvokeArguments = 23,
    DeviceId = 24,
    FetchArguments = 25,
};

// One whole item in the deterministic form of CBOR, as the draft wants it (section 8.1); throws the fault of that code
// with "what ..." as its argument. No key stands twice in what comes back.
QCborValue strictCbor(QByteArrayView bytes, const QString &what, const char *code);

struct Digest {
    qint64 algorithm = 0;
    QByteArray bytes;

    // An array [algorithm, bytes]; SHA-256, SHA-384 and SHA-512.
    static Digest read(const QCborValue &value, const QString &what, const char *code);
    QString algorithmName() const;
    bool isOf(QByteArrayView content) const;
    // Of the content inside the head of a byte string, as manifests and severed elements are digested.
    bool isOfWrapped(QByteArrayView content) const;
    bool operator==(const Digest &) const = default;
};

// "xxxxxxxx-xxxx-..." for 16 bytes, "PEN 1.2.3" for the tagged form, else hex.
QString idText(const QCborValue &id);

} // namespace slipway::suit
