#pragma once
// What a constrained device does with a SUIT envelope (draft-ietf-suit-manifest-37 sections 6.2 to 6.4, 8): signature,
// digest, version, sequence number, then the commands one after the other on one component, its firmware in the other
// slot. This is the device's side, written apart from core/firmware on purpose. Strict: any command, parameter or
// element that it does not know ends it. Never throws: what is wrong stands in error.

#include <QByteArray>
#include <QList>
#include <QString>

#include <functional>
#include <optional>

namespace slipway {

struct SuitDevice {
    QList<QByteArray> keys;         // PEM; an envelope that none of them signed is not looked into
    QByteArray vendor, deviceClass; // 16 bytes each
    std::optional<quint64> sequence;
    quint64 slot = 1;    // that the component is written to
    qint64 capacity = 0; // of it
    QByteArray image;    // that it holds now
    // What was laid beside the envelope, by the last part of the URI.
    std::function<std::optional<QByteArray>(const QString &name)> beside;
};

struct SuitVerdict {
    QString error; // empty: carried out
    quint64 sequence = 0;
    QByteArray image; // to be written
    bool stores = false, invokes = false;
};

SuitVerdict processSuit(const QByteArray &envelope, const SuitDevice &device);

} // namespace slipway
