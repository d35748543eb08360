// Group 1 (image management) as Zephyr's application answers it, and the whole of MCUboot's serial recovery.
#include "drivers/virtual/faultdesk.h"
#include "drivers/virtual/smpserver.h"

#include <QCryptographicHash>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

using Kind = VirtualFault::Kind;

enum ImageError { // Zephyr "img_mgmt_err_code_t"
    imageUnknown = 1,
    imageHashNotFound = 8,
    imageNoFreeSlot = 9,
    imageWriteFailed = 12,
    imageInvalidSlot = 14,
    imageInvalidLength = 21,
    imageInvalidHeader = 22,
    imageInvalidMagic = 23,
    imageInvalidHash = 24,
    imageCurrentIsNewer = 27,
    imageAlreadyPending = 28,
    imageTooLarge = 30,
    imageOverrun = 31,
    imageTestOfActive = 33,
};

QString errorLine(const QString &text)
{
    return u"<err> mcumgr_img_grp: "_s + text;
}

} // namespace

SmpServer::Result SmpServer::image(const SmpHeader &header, SmpParameters &in)
{
    const bool read = header.op == SmpHeader::Read;
    switch (header.command) {
    case 0:
        if (!read)
            return imageState(in);
        imageList();
        return {};
    case 1:
        return read ? Result::error(unsupported) : imageUpload(in);
    case 5:
        return read ? Result::error(unsupported) : imageErase(in);
    case 6:
        return read && m_options.extendedGroups ? imageSlots() : Result::error(unsupported);
    default:
        return Result::error(unsupported);
    }
}

void SmpServer::imageList()
{
    const auto flag = [&](const char *name, bool value) {
        if (value || !m_options.frugal)
            m_out.putFlag(name, value);
    };
    m_out.text("images").beginList();
    for (int i = 0; i < 2; ++i) {
        const BootImage image = BootImage::parse(m_boot.slot[i]);
        if (!image.ok())
            continue;
        QByteArray hash = image.hash;
        if (i == 1 && m_faults.has(Kind::WrongHash))
            hash[0] = static_cast<char>(hash[0] ^ 0x40);
        const bool pending = i == 1 && m_boot.pending != Bootloader::Pending::None;
        m_out.beginMap().put("slot", i).putText("version", image.version.zephyrText()).putBlob("hash", hash);
        flag("bootable", image.bootable());
        flag("pending", pending);
        flag("confirmed", i == 0 ? !m_boot.reverting() : m_boot.reverting());
        flag("active", i == 0);
        flag("permanent", pending && m_boot.pending == Bootloader::Pending::Permanent);
        m_out.end();
    }
    m_out.end();
    if (!m_options.frugal)
        m_out.put("splitStatus", 0);
}

SmpServer::Result SmpServer::imageState(SmpParameters &in)
{
    const auto hash = in.blob("hash"_L1);
    const bool confirm = in.flag("confirm"_L1).value_or(false);
    if (in.bad())
        return Result::error(invalid);
    int slot = 0;
    if (hash) {
        if (hash->size() != 32)
            return Result::groupError(1, imageInvalidHash);
        for (slot = 0; slot < 2; ++slot) {
            const BootImage image = BootImage::parse(m_boot.slot[slot]);
            if (image.ok() && image.hash == *hash)
                break;
        }
        if (slot == 2)
            return Result::groupError(1, imageHashNotFound);
        if (slot == 0 && !confirm)
            return Result::groupError(1, imageTestOfActive);
    } else if (!confirm) {
        return Result::groupError(1, imageInvalidHash); // nothing to test
    }
    if (slot == 0) {
        if (m_boot.pending != Bootloader::Pending::None)
            return Result::groupError(1, imageAlreadyPending);
        m_boot.confirm();
    } else {
        if (m_boot.reverting()) // slot 1 holds the way back
            return Result::groupError(1, imageAlreadyPending);
        m_boot.pending = confirm ? Bootloader::Pending::Permanent : Bootloader::Pending::Test;
    }
    slotsDirty = true;
    imageList();
    return {};
}

SmpServer::Result SmpServer::imageUpload(SmpParameters &in)
{
    const quint64 number = in.number("image"_L1).value_or(0);
    const QByteArray data = in.blob("data"_L1).value_or(QByteArray());
    const auto length = in.number("len"_L1);
    const auto offset = in.number("off"_L1);
    const QByteArray sha = in.blob("sha"_L1).value_or(QByteArray());
    const bool upgrade = in.flag("upgrade"_L1).value_or(false);
    if (in.bad())
        return Result::error(invalid);
    const auto refuse = [&](int code) {
        m_answer.log.append(errorLine(u"Image upload inspect failed: %1"_s.arg(code)));
        return Result::groupError(1, code);
    };
    const auto answer = [&](qint64 at) {
        success();
        m_out.put("off", at);
    };
    QByteArray &slot = m_boot.slot[1];

    if (offset == 0u) {
        if (data.size() < BootImage::headerSize)
            return refuse(imageInvalidHeader);
        if (!length)
            return refuse(imageInvalidLength);
        const auto version = BootImage::headerVersion(data);
        if (!version)
            return refuse(imageInvalidMagic);
        if (sha.size() > 32)
            return refuse(imageInvalidHash);
        if (m_upload.running && !sha.isEmpty() && sha == m_upload.sha) {
            answer(m_upload.offset); // the same image: go on where it stopped
            return {};
        }
        if (number != 0 || m_boot.slot1InUse())
            return refuse(imageNoFreeSlot);
        if (*length > static_cast<quint64>(m_boot.slotSize)) {
            m_answer.log.append(errorLine(u"Upload too large for slot: %1 > %2"_s.arg(*length).arg(m_boot.slotSize)));
            return refuse(imageTooLarge);
        }
        if (upgrade && !version->newerThan(BootImage::parse(m_boot.slot[0]).version))
            return refuse(imageCurrentIsNewer);
        if (data.size() > static_cast<qsizetype>(*length))
            return refuse(imageOverrun);
        if (m_options.imageCheck && sha.size() == 32 && slot.size() == static_cast<qsizetype>(*length) &&
            QCryptographicHash::hash(slot, QCryptographicHash::Sha256) == sha) {
            m_upload = {}; // it is there already
            answer(slot.size());
            m_out.putFlag("match", true);
            return {};
        }
        m_upload = {true, 0, static_cast<qint64>(*length), sha};
        slot.clear();
        slot.reserve(m_upload.size);
        slotsDirty = true; // a power cut from here on leaves no image
    } else {
        if (!m_upload.running || !offset || *offset != static_cast<quint64>(m_upload.offset)) {
            answer(m_upload.running ? m_upload.offset : 0);
            return {};
        }
        if (m_upload.offset + data.size() > m_upload.size)
            return refuse(imageOverrun);
    }

    if (m_faults.has(Kind::FullFlash)) {
        m_answer.log.append(errorLine(u"Irrecoverable error: flash write failed: -5"_s));
        m_upload = {};
        slot.clear();
        return Result::groupError(1, imageWriteFailed);
    }
    charge(m_upload.offset, m_upload.offset + data.size());
    slot.append(data);
    m_upload.offset += data.size();
    took(data.size());
    const VirtualFault *reboot = m_faults.find(Kind::RebootAt);
    if (reboot && m_upload.offset >= reboot->after) {
        m_faults.remove(Kind::RebootAt);
        m_answer.crash = true;
        return {};
    }
    answer(m_upload.offset);
    if (m_upload.offset == m_upload.size) {
        if (m_options.imageCheck && !m_upload.sha.isEmpty())
            m_out.putFlag("match", QCryptographicHash::hash(slot, QCryptographicHash::Sha256).startsWith(m_upload.sha));
        m_upload = {};
        ++uploads;
        slotsDirty = true;
    }
    return {};
}

SmpServer::Result SmpServer::imageErase(SmpParameters &in)
{
    const quint64 number = in.number("slot"_L1).value_or(1);
    if (in.bad())
        return Result::error(invalid);
    if (number > 1)
        return Result::groupError(1, imageInvalidSlot);
    const QByteArray &slot = m_boot.slot[number];
    if (number == 0 || (BootImage::parse(slot).ok() && m_boot.slot1InUse()))
        return Result::groupError(1, imageNoFreeSlot);
    m_upload = {};
    if (slot.isEmpty())
        return Result::groupError(1, imageUnknown); // blank already, as recorded
    m_answer.cost += m_options.eraseTime * (m_boot.slotSize / 4096);
    m_boot.slot[1].clear();
    slotsDirty = true;
    success();
    return {};
}

SmpServer::Result SmpServer::imageSlots()
{
    m_out.text("images").beginList().beginMap().put("image", 0).text("slots").beginList();
    m_out.beginMap().put("slot", 0).put("size", m_boot.slotSize).end();
    m_out.beginMap().put("slot", 1).put("size", m_boot.slotSize).put("upload_image_id", 0).end();
    m_out.end().put("max_image_size", m_boot.slotSize).end().end();
    return {};
}

// MCUboot serial recovery: echo, reset, image list, upload into slot 0. Plain codes, "rc" always.
SmpServer::Result SmpServer::recovery(const SmpHeader &header, SmpParameters &in)
{
    const bool write = header.op == SmpHeader::Write;
    if (header.group == 0 && header.command == 0) {
        const auto text = in.text("d"_L1);
        if (in.bad() || !text)
            return Result::error(invalid);
        m_out.putText("r", *text);
        return {};
    }
    if (header.group == 0 && header.command == 5 && write) {
        m_answer.reset = true;
        m_out.put("rc", 0);
        return {};
    }
    if (header.group == 1 && header.command == 0) {
        if (write)
            return Result::error(noEntry); // this build cannot mark images
        recoveryList();
        return {};
    }
    if (header.group == 1 && header.command == 1 && write)
        return recoveryUpload(in);
    return Result::error(unsupported);
}

void SmpServer::recoveryList()
{
    m_out.text("images").beginList();
    for (int i = 0; i < 2; ++i) {
        const BootImage image = BootImage::parse(m_boot.slot[i]);
        if (!image.ok() || !m_boot.refusal(i).isEmpty())
            continue;
        m_out.beginMap();
        m_out.putFlag("bootable", image.bootable());
        if (i == 0)
            m_out.putFlag("confirmed", m_boot.confirmed).putFlag("active", true);
        m_out.put("slot", i).putBlob("hash", image.hash).putText("version", image.version.mcubootText());
        m_out.end();
    }
    m_out.end();
}

SmpServer::Result SmpServer::recoveryUpload(SmpParameters &in)
{
    const auto offset = in.number("off"_L1);
    const auto length = in.number("len"_L1);
    const QByteArray data = in.blob("data"_L1).value_or(QByteArray());
    if (in.bad() || !offset)
        return Result::error(invalid);
    QByteArray &slot = m_boot.slot[0];
    if (*offset == 0) {
        if (!length || *length > static_cast<quint64>(m_boot.slotSize))
            return Result::error(invalid);
        m_upload = {true, 0, static_cast<qint64>(*length), {}};
        slot.clear();
        slotsDirty = true;
    }
    if (*offset == static_cast<quint64>(m_upload.offset)) {
        if (m_upload.offset + data.size() > m_upload.size)
            return Result::error(invalid);
        if (m_faults.has(Kind::FullFlash))
            return Result::error(unknown);
        charge(m_upload.offset, m_upload.offset + data.size());
        slot.append(data);
        m_upload.offset += data.size();
        took(data.size());
        if (m_upload.offset == m_upload.size && m_upload.size > 0) {
            ++uploads;
            slotsDirty = true;
        }
    }
    m_out.put("rc", 0).put("off", m_upload.offset);
    return {};
}

} // namespace slipway
