#pragma once
// A SUIT envelope (draft-ietf-suit-manifest-37) onto a device. Made: signature, digest, manifest, payloads, in that
// order and without the device. Run: which device it is (vendor and class ids), the sequence number against what the
// device and the record know (a lower one is refused; the same one too, unless it is the very same manifest once more),
// number of components and slots; what is left of the manifest's cases is the plan.
//
// A device that takes envelopes by itself (Firmware::takesEnvelopes) gets it as it is, with the payloads beside it, and
// says after its restart which manifest it is at. For any other the plan is carried out from here: each component's
// bytes, fetched (in the envelope or given), written (in the manifest) or copied from one of these, held against the
// digest once more, go to their place: an image slot, an address, a file, a setting. What would have to be moved on the
// device itself (copies of what is there, swaps) is refused.
//
// Throws firmware.suit-*, flash.suit-*, set.differs, and as Flashing.

#include "core/steps/flashing.h"

namespace slipway {

class SuitFlashing
{
public:
    SuitFlashing(const FlashOrder &order, const SuitEnvelope &envelope);
    const SuitManifest &manifest() const { return m_manifest; }
    Flashing::Result run(const std::function<Device &()> &device, const Task &task, const FlashSink &reached) const;

private:
    struct Part {
        int component = 0;
        QString place; // as ordered; empty: the one there is
        QByteArray bytes;
    };
    SuitTarget target(Device &device, const DeviceFacts &facts, bool itself, const Task &task) const;
    std::optional<QUuid> idOf(const DeviceFacts &facts, const QString &what, const std::optional<QUuid> &ordered,
                              bool needed) const;
    std::optional<QByteArray> payload(const SuitPayload &payload) const;
    QByteArray bytesOf(const SuitPlan &plan, int component, int depth = 0) const;
    bool runs(const QList<SuitPlan> &plans, const Firmware::ImageSlot &active) const;
    const SuitPlan &chosen(const QList<SuitPlan> &plans) const;
    QList<Part> parts(const SuitPlan &plan, Device &device) const;
    Flashing::Result handOver(const QList<SuitPlan> &plans, const std::function<Device &()> &device, const Task &task,
                              const FlashSink &reached) const;
    Flashing::Result carryOut(const QList<SuitPlan> &plans, const std::function<Device &()> &device, const Task &task,
                              const FlashSink &reached) const;

    const FlashOrder m_order;
    QByteArray m_envelope; // as it came
    QByteArray m_digest;   // of the manifest, as signed
    SuitManifest m_manifest;
};

} // namespace slipway
