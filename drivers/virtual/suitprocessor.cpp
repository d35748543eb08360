#include "drivers/virtual/suitprocessor.h"

#include "core/base/fault.h"
#include "core/codec/cbor.h"
#include "core/codec/cose.h"

#include <QCborArray>
#include <QCborMap>
#include <QCryptographicHash>
#include <QMap>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <memory>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr int deepest = 4, mostCommands = 256;

struct Refusal {
    QString why;
};

[[noreturn]] void refuse(const QString &why)
{
    throw Refusal{why};
}

QCborValue decoded(const QByteArray &bytes, const QString &what)
{
    const CborDecoded out = decodeCbor(bytes, {1 << 20, 12, 4096});
    if (!out.ok() || out.used != bytes.size())
        refuse(what + u" is not readable"_s);
    return out.value;
}

QByteArray headOf(const QByteArray &content)
{
    QByteArray head;
    appendCborHead(head, 2, quint64(content.size()));
    return head;
}

bool digestHolds(const QCborValue &digest, const QByteArray &content)
{
    const QCborArray pair = digest.toArray();
    if (pair.size() != 2 || pair[0] != QCborValue(-16))
        refuse(u"only SHA-256 is known here"_s);
    return pair[1].toByteArray() == QCryptographicHash::hash(content, QCryptographicHash::Sha256);
}

bool signedBy(const QByteArray &pem, const QByteArray &block, const QByteArray &digest)
{
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new_mem_buf(pem.constData(), int(pem.size())),
                                                            &BIO_free_all);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
    try {
        const CoseMessage message = CoseMessage::parse(block);
        return key && !message.payload && message.holds(key.get(), digest);
    } catch (const Fault &) {
        return false;
    }
}

// The commands of one manifest on the one component. A condition that fails is a return value, for try-each; what ends
// everything is a Refusal.
class Machine
{
public:
    Machine(const SuitDevice &device, const QCborMap &envelope, SuitVerdict &verdict)
        : m_device(device), m_envelope(envelope), m_verdict(verdict), m_holds(device.image)
    {}

    void run(const QByteArray &sequence, const QString &name)
    {
        if (!runSequence(sequence, 1))
            refuse(u"%1: %2"_s.arg(name, m_why));
    }

private:
    bool fail(const QString &why)
    {
        m_why = why;
        return false;
    }

    bool runSequence(const QByteArray &bytes, int depth)
    {
        if (depth > deepest)
            refuse(u"nested too deep"_s);
        const QCborArray items = decoded(bytes, u"a sequence"_s).toArray();
        if (items.isEmpty() || items.size() % 2)
            refuse(u"a sequence is none"_s);
        for (qsizetype i = 0; i < items.size(); i += 2) {
            if (++m_count > mostCommands)
                refuse(u"too many commands"_s);
            if (!step(items[i].toInteger(-1), items[i + 1], depth))
                return false;
        }
        return true;
    }

    bool step(qint64 code, const QCborValue &argument, int depth)
    {
        switch (code) {
        case 1:
            return m_parameters.value(1).toByteArray() == m_device.vendor || fail(u"it is for another vendor"_s);
        case 2:
            return m_parameters.value(2).toByteArray() == m_device.deviceClass || fail(u"it is for another class"_s);
        case 3:
            return imageMatches() || fail(u"the image is not the one that the manifest names"_s);
        case 5:
            return m_parameters.value(5) == QCborValue(qint64(m_device.slot)) || fail(u"it is for another slot"_s);
        case 12:
            if (argument != QCborValue(0) && !argument.isTrue() && argument.toArray() != QCborArray{0})
                refuse(u"there is only component 0 here"_s);
            return true;
        case 14:
            return fail(u"the manifest gives up"_s);
        case 15:
            for (const QCborValue &alternative : argument.toArray()) {
                if (alternative.isNull())
                    return true;
                if (runSequence(alternative.toByteArray(), depth + 1))
                    return true;
            }
            return false;
        case 18:
            store(m_parameters.value(18).toByteArray());
            return true;
        case 20: {
            const QCborMap set = argument.toMap();
            for (auto it = set.constBegin(); it != set.constEnd(); ++it) {
                static const QList<qint64> known{1, 2, 3, 5, 12, 13, 14, 18, 21, 22, 23, 24, 25};
                const qint64 key = it.key().toInteger(-1);
                if (!known.contains(key))
                    refuse(u"parameter %1 is not known here"_s.arg(key));
                m_parameters.insert(key, it.value());
            }
            return true;
        }
        case 21:
            fetch(m_parameters.value(21).toString());
            return true;
        case 23:
            m_verdict.invokes = true;
            return true;
        case 32:
            return runSequence(argument.toByteArray(), depth + 1);
        default:
            refuse(u"command %1 is not known here"_s.arg(code));
        }
    }

    bool imageMatches() const
    {
        const QCborValue size = m_parameters.value(14);
        if (size.isInteger() && size.toInteger() != m_holds.size())
            return false;
        return digestHolds(decoded(m_parameters.value(3).toByteArray(), u"a digest"_s), m_holds);
    }

    void store(const QByteArray &image)
    {
        if (image.isEmpty() || image.size() > m_device.capacity)
            refuse(u"the image does not fit into the slot"_s);
        m_holds = m_verdict.image = image;
        m_verdict.stores = true;
    }

    void fetch(const QString &uri)
    {
        if (const QCborValue inside = m_envelope.value(uri); inside.isByteArray())
            return store(inside.toByteArray());
        const auto found = m_device.beside ? m_device.beside(uri.section(u'?', 0, 0).section(u'/', -1)) : std::nullopt;
        if (!found)
            refuse(u"there is nothing at %1"_s.arg(uri.left(80)));
        store(*found);
    }

    const SuitDevice &m_device;
    const QCborMap &m_envelope;
    SuitVerdict &m_verdict;
    QMap<qint64, QCborValue> m_parameters;
    QByteArray m_holds;
    QString m_why;
    int m_count = 0;
};

void carryOut(const QByteArray &bytes, const SuitDevice &device, SuitVerdict &verdict)
{
    const QCborValue whole = decoded(bytes, u"the envelope"_s);
    const QCborMap envelope = whole.taggedValue().toMap();
    if (!whole.isTag() || quint64(whole.tag()) != 107 || envelope.isEmpty())
        refuse(u"it is no SUIT envelope"_s);
    const QCborArray authentication = decoded(envelope.value(2).toByteArray(), u"the list of signatures"_s).toArray();
    const QByteArray digest = authentication.at(0).toByteArray();
    bool held = false;
    for (qsizetype i = 1; i < authentication.size(); ++i) {
        for (const QByteArray &key : device.keys)
            held = held || signedBy(key, authentication[i].toByteArray(), digest);
    }
    if (!held)
        refuse(u"no signature of a trusted signer"_s);
    const QByteArray content = envelope.value(3).toByteArray();
    if (!digestHolds(decoded(digest, u"the digest"_s), headOf(content) + content))
        refuse(u"the manifest is not the one that was signed"_s);
    const QCborMap manifest = decoded(content, u"the manifest"_s).toMap();
    if (manifest.value(1) != QCborValue(1))
        refuse(u"the manifest is of another version"_s);
    const QCborValue number = manifest.value(2);
    if (!number.isInteger() || number.toInteger() < 0)
        refuse(u"the manifest has no sequence number"_s);
    verdict.sequence = quint64(number.toInteger());
    if (device.sequence && verdict.sequence < *device.sequence)
        refuse(u"sequence number %1 is below %2"_s.arg(verdict.sequence).arg(*device.sequence));
    const QCborMap common = decoded(manifest.value(3).toByteArray(), u"the common part"_s).toMap();
    if (common.value(2).toArray() != QCborArray{QCborArray{QByteArray(1, '\0')}})
        refuse(u"there is only component 00 here"_s);
    Machine machine(device, envelope, verdict);
    if (common.contains(4))
        machine.run(common.value(4).toByteArray(), u"shared"_s);
    const auto part = [&](int key, const QString &name) {
        QByteArray sequence = manifest.value(key).toByteArray();
        if (manifest.value(key).isArray()) { // severed: in the envelope, under the digest that stands here
            sequence = envelope.value(key).toByteArray();
            if (sequence.isEmpty() || !digestHolds(manifest.value(key), headOf(sequence) + sequence))
                refuse(name + u" is missing, or not the one that was signed"_s);
        }
        if (!sequence.isEmpty())
            machine.run(sequence, name);
    };
    part(16, u"payload-fetch"_s);
    part(20, u"install"_s);
    part(7, u"validate"_s);
    part(8, u"load"_s);
    part(9, u"invoke"_s);
}

} // namespace

SuitVerdict processSuit(const QByteArray &envelope, const SuitDevice &device)
{
    SuitVerdict verdict;
    try {
        carryOut(envelope, device, verdict);
    } catch (const Refusal &refusal) {
        verdict.error = refusal.why;
    }
    return verdict;
}

} // namespace slipway
