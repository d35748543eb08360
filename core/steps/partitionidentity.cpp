#include "core/steps/partitionidentity.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/identity/check.h"
#include "core/identity/factorypartition.h"
#include "core/steps/lotpair.h"
#include "core/steps/partitionplace.h"

#include <QCryptographicHash>
#include <QtEndian>

using namespace Qt::StringLiterals;

namespace slipway {

namespace {

QByteArray sha256(QByteArrayView bytes)
{
    return QCryptographicHash::hash(bytes, QCryptographicHash::Sha256);
}

// The device's certificate in the chip, without reading its key: header after header, and that one value. Empty: none,
// or the chip lets nobody read.
QByteArray heldCertificate(Memory &memory, const PartitionPlace &place, const Task &task)
{
    try {
        qsizetype at = 0;
        for (int i = 0; i < EspSecureCert::MaximumEntries && at + EspSecureCert::HeaderSize <= place.size; ++i) {
            const QByteArray head = memory.read(place.at + quint64(at), EspSecureCert::HeaderSize, task.at(nullptr));
            if (!EspSecureCert::looksLike(head))
                break;
            const auto size = qsizetype(qFromLittleEndian<quint16>(head.constData() + 10));
            const qsizetype padded =
                (size + EspSecureCert::Alignment - 1) / EspSecureCert::Alignment * EspSecureCert::Alignment;
            if (quint8(head[8]) == EspSecureCert::DeviceCertificate && head[9] == 0) {
                const QByteArray value =
                    memory.read(place.at + quint64(at + EspSecureCert::HeaderSize),
                                std::min(size, place.size - at - EspSecureCert::HeaderSize), task.at(nullptr));
                return certificateFromFile(value.endsWith('\0') ? value.chopped(1) : value);
            }
            at += EspSecureCert::HeaderSize + padded + EspSecureCert::FooterSize;
        }
    } catch (const Fault &fault) {
        if (fault.retryable() || fault.is("base.stopped"))
            throw;
        task.say(u"what the partition holds could not be told: "_s + fault.sentence());
    }
    return {};
}

void write(StepContext &context, Memory &memory, const PartitionPlace &place, const QList<QByteArray> &chain,
           const PrivateKey &key, const Task &task)
{
    const SecretBytes partition = buildEspSecureCert(chain, key, place.size, true);
    const QString intent = context.intend(u"identity.write"_s, {{u"serial"_s, context.serial()},
                                                                {u"certificate-sha256"_s, sha256(chain.first())},
                                                                {u"chain-sha256"_s, sha256(chain.join())},
                                                                {u"partition"_s, place.label},
                                                                {u"at"_s, qint64(place.at)}});
    QString how;
    try {
        const Memory::WriteResult written =
            memory.write({{place.at, partition.borrowed()}}, {.verify = true, .secret = true}, task);
        if (!written.verified)
            throw Fault("flash.unverified", {});
        how = written.how;
    } catch (const Fault &fault) {
        context.outcome(intent, u"not-done"_s, fault.sentence());
        throw;
    }
    context.outcome(intent, u"done"_s, u"The chip holds what was written: %1."_s.arg(how));
    context.fact(u"possession"_s, how + u"; the device has not signed"_s);
    task.say(u"partition %1 at %2 written, %3"_s.arg(place.label, addressText(place.at), how));
}

QByteArray issueFor(StepContext &context, const PartitionOrder &order, const PrivateKey &key, Task &task)
{
    IssueOrder issue;
    issue.request = key.request(context.serial());
    issue.profile = order.profile;
    issue.serial = context.serial();
    issue.mudUrl = order.mudUrl;
    issue.certificateSerial = newCertificateSerial();
    return issueInStep(context, issue, issueRecordOf(context, KeySource::Injected, true), task);
}

} // namespace

PartitionResult givePartitionIdentity(StepContext &context, const PartitionOrder &order, Task &task)
{
    Memory *memory = context.device().memory();
    if (!memory)
        throw Fault("device.lacks", {u"take a key that was made elsewhere"_s});
    const PartitionPlace place = findPartition(*memory, order.parameters, task);
    const QByteArray held = heldCertificate(*memory, place, task);
    PartitionResult result;
    for (const CertificateRow &row : validCertificates(context.journal(), context.mode(), context.serial())) {
        if (!wasDelivered(context.journal(), row)) {
            if (order.lot.isEmpty()) // else it is the lot's
                withdrawUndelivered(context, row, task);
        } else if (held.isEmpty() || sha256(held) != row.sha256) {
            throw Fault("identity.duplicate-serial", {context.serial(), row.certificateSerial, row.at});
        } else {
            task.say(u"the chip holds the certificate that is on record for it"_s);
            order.judge(held, {});
            result.certificate = held;
        }
    }
    if (result.certificate.isEmpty()) {
        // One that never arrived as a whole may still lie there; anything else is somebody's.
        bool ours = held.isEmpty();
        if (!ours) {
            context.journal().transact([&](Journal::Transaction &transaction) {
                for (const CertificateRow &row : transaction.certificatesOfSerial(context.mode(), context.serial()))
                    ours = ours || row.sha256 == sha256(held);
            });
        }
        if (!ours)
            refuseHeld(context, held, task);
        std::unique_ptr<LotPair> pair;
        if (!order.lot.isEmpty()) {
            pair = std::make_unique<LotPair>(context, order.lot, true);
            order.judge(pair->certificate(), {});
        }
        const PrivateKey key = pair ? pair->unseal() : PrivateKey::generate();
        const SecretSweep sweep(key.number());
        if (!SecretBytes::locked())
            task.say(unlockedMemory);
        if (pair) {
            pair->draw(false, task);
            result.certificate = pair->certificate();
        } else {
            result.certificate = issueFor(context, order, key, task);
            order.judge(result.certificate, key.publicKeyDer());
        }
        write(context, *memory, place,
              QList<QByteArray>{result.certificate} + context.issuer().chainFor(result.certificate), key, task);
        if (pair)
            pair->used(u"The chip holds what was written."_s);
        result.fresh = true;
    }
    if (order.start)
        memory->start({}, task);
    return result;
}

} // namespace slipway
