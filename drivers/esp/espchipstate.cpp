#include "drivers/esp/espchipstate.h"

#include <QtEndian>

#include <array>
#include <bit>
#include <map>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr quint32 magicRegister = 0x40001000;
constexpr std::array<const char *, 12> purposes{"",
                                                "ECDSA_KEY or reserved",
                                                "XTS_AES_256_KEY_1",
                                                "XTS_AES_256_KEY_2",
                                                "XTS_AES_128_KEY",
                                                "HMAC_DOWN_ALL",
                                                "HMAC_DOWN_JTAG",
                                                "HMAC_DOWN_DIGITAL_SIGNATURE",
                                                "HMAC_UP",
                                                "SECURE_BOOT_DIGEST0",
                                                "SECURE_BOOT_DIGEST1",
                                                "SECURE_BOOT_DIGEST2"};
constexpr quint32 firstDigestPurpose = 9, lastDigestPurpose = 11;

void addPurpose(EspChipState &state, int block, quint32 purpose)
{
    if (purpose == 0)
        return;
    state.keyPurposes << u"%1: %2"_s.arg(block).arg(purpose < purposes.size() ? QString::fromLatin1(purposes[purpose])
                                                                              : u"purpose %1"_s.arg(purpose));
}

// Registers read once each, however many fields lie in them.
class Registers
{
public:
    Registers(EspClient &client, const Task &task) : m_client(client), m_task(task) {}
    quint32 at(quint32 address)
    {
        const auto known = m_known.find(address);
        if (known != m_known.end())
            return known->second;
        return m_known[address] = m_client.readRegister(address, m_task);
    }
    quint32 field(const EspField &field)
    {
        quint32 out = 0;
        int shift = 0;
        for (const EspBits &bits : field) {
            out |= bits.of(at(bits.address)) << shift;
            shift += bits.count;
        }
        return out;
    }
    QByteArray block(quint32 address)
    {
        QByteArray out(32, '\0');
        for (int i = 0; i < 8; ++i)
            qToLittleEndian(at(address + quint32(4 * i)), out.data() + 4 * i);
        return out;
    }

private:
    EspClient &m_client;
    const Task &m_task;
    std::map<quint32, quint32> m_known;
};

} // namespace

QString EspChipState::revisionText() const
{
    return revision < 0 ? QString() : u"v%1.%2"_s.arg(revision / 100).arg(revision % 100);
}

EspChipState esp::identify(EspClient &client, const EspQuirks &quirks, const Task &task)
{
    EspChipState state;
    QString detail;
    const auto magic = client.ask(EspRequest::words(ReadRegister, {magicRegister}), task);
    if (!magic)
        client.noAnswer(u"reading the magic register"_s);
    if (magic->ok) {
        state.chip = quirks.byMagic(magic->value);
        detail = u"magic 0x%1"_s.arg(magic->value, 8, 16, QChar(u'0'));
    }
    if (state.chip && !state.chip->encryptionWord)
        return state; // an ESP32, which does not know the next command
    const auto answer = client.ask(EspRequest::words(SecurityInfo, {}), task);
    if (!answer)
        client.noAnswer(commandName(SecurityInfo));
    const auto info = answer->ok ? EspSecurityInfo::parse(answer->data) : std::nullopt;
    if (answer->ok && !info)
        throw Fault("esp.bad-reply", {u"tell its security state"_s}, u"%1 bytes"_s.arg(answer->data.size()));
    if (info && info->chipId) {
        detail = u"chip id %1"_s.arg(*info->chipId);
        const EspChip *told = quirks.byImageId(*info->chipId);
        if (state.chip && told != state.chip)
            throw Fault("esp.bad-reply", {u"tell what it is"_s}, u"magic and chip id differ"_s);
        state.chip = told;
    } else if (info && !state.chip && !magic->ok) {
        state.chip = quirks.byName(u"esp32s2"_s); // the only one whose answer has no chip id
    }
    if (!state.chip)
        throw Fault("esp.unknown-chip", {client.link().info().port, detail.isEmpty() ? u"it tells nothing"_s : detail});
    if (info) {
        state.secureDownload = !magic->ok || info->flags & EspSecurityInfo::SecureDownload;
        state.secureBoot = info->flags & EspSecurityInfo::SecureBoot;
        state.flashEncryption = std::popcount(unsigned(info->cryptCount)) % 2 == 1;
        state.jtagOff = info->flags & (EspSecurityInfo::HardJtagOff | EspSecurityInfo::SoftJtagOff);
        if (state.secureDownload) {
            for (int i = 0; i < 6; ++i)
                addPurpose(state, i, quint8(info->keyPurposes[i]));
        }
    }
    return state;
}

void esp::readFuses(EspClient &client, EspChipState &state, const Task &task)
{
    if (state.secureDownload)
        return;
    const EspChip &chip = *state.chip;
    Registers registers(client, task);
    const quint32 major = registers.field(chip.major);
    state.revision =
        (chip.majorCountsOnes ? std::popcount(major) : int(major)) * 100 + int(registers.field(chip.minor));
    QByteArray mac(8, '\0');
    qToBigEndian(registers.at(chip.macHigh), mac.data());
    qToBigEndian(registers.at(chip.macLow), mac.data() + 4);
    state.mac = mac.mid(2);
    state.secureBoot = registers.field(chip.secureBoot) != 0 && state.revision >= chip.secureBootSince;
    state.secureBootV1 = registers.field(chip.secureBootV1) != 0;
    state.flashEncryption = std::popcount(registers.field(chip.flashEncryption)) % 2 == 1;
    state.secureVersion = quint32(std::popcount(registers.field(chip.secureVersion)));
    state.jtagOff = state.jtagOff || registers.field(chip.jtagOff) != 0;
    QList<quint32> digests = state.secureBoot ? chip.digestBlocks : QList<quint32>();
    for (int i = 0; i < chip.keyPurposes.size(); ++i) {
        const quint32 purpose = registers.field({chip.keyPurposes[i]});
        addPurpose(state, i, purpose);
        if (state.secureBoot && purpose >= firstDigestPurpose && purpose <= lastDigestPurpose)
            digests << chip.keyBlocks[i];
    }
    for (const quint32 address : std::as_const(digests)) {
        const QByteArray digest = registers.block(address);
        if (digest.count('\0') < digest.size()) // all zeros: not readable
            state.bootDigests << digest;
    }
}

// ESP32 technical reference manual, "SPI controller", user-defined commands: a command of eight bits, 24 bits come
// back.
quint32 esp::flashIdentification(EspClient &client, const EspChip &chip, const Task &task)
{
    constexpr quint32 readIdentification = 0x9f, commandPhase = 1u << 31, readPhase = 1u << 28;
    constexpr quint32 eightBits = 7u << 28, go = 1u << 18;
    constexpr int polls = 10;
    const auto &spi = chip.spi;
    const quint32 user = client.readRegister(spi.base + spi.user, task);
    const quint32 user2 = client.readRegister(spi.base + spi.user2, task);
    client.writeRegister(spi.base + spi.misoBits, 24 - 1, task);
    client.writeRegister(spi.base + spi.user, commandPhase | readPhase, task);
    client.writeRegister(spi.base + spi.user2, eightBits | readIdentification, task);
    client.writeRegister(spi.base + spi.word0, 0, task);
    client.writeRegister(spi.base, go, task);
    int poll = 0;
    while (client.readRegister(spi.base, task) & go) {
        if (++poll == polls)
            throw Fault("esp.no-flash", {u"none"_s}, u"the SPI controller does not finish"_s);
    }
    const quint32 answer = client.readRegister(spi.base + spi.word0, task);
    client.writeRegister(spi.base + spi.user, user, task);
    client.writeRegister(spi.base + spi.user2, user2, task);
    return answer & 0xffffff;
}

// JEDEC: most makers write the size as its binary logarithm; 0x20 to 0x22 and 0x32 to 0x3a are what some makers use for
// more than 32 MiB and for 1.8 V parts.
qint64 esp::flashBytesOf(quint32 identification)
{
    const quint32 code = identification >> 16 & 0xff;
    if (code >= 0x12 && code <= 0x1c)
        return qint64(1) << code;
    if (code >= 0x20 && code <= 0x22)
        return qint64(1) << (code - 0x20 + 26);
    if (code >= 0x32 && code <= 0x3a)
        return qint64(1) << (code - 0x20);
    return 0;
}

void esp::attachFlash(EspClient &client, EspChipState &state, qint64 known, const Task &task)
{
    client.demand(EspRequest::words(SpiAttach, {0, 0}), 0, u"attach its flash memory"_s, task);
    state.flashBytes = known;
    if (!state.secureDownload) {
        state.flashId = flashIdentification(client, *state.chip, task);
        const QString shown = u"0x%1"_s.arg(state.flashId, 6, 16, QChar(u'0'));
        if (state.flashId == 0 || state.flashId == 0xffffff)
            throw Fault("esp.no-flash", {shown});
        const qint64 told = flashBytesOf(state.flashId);
        if (known == 0)
            state.flashBytes = told;
        else if (told > 0 && told < known)
            throw Fault("esp.no-flash", {shown}, u"smaller than the board's data says"_s);
        if (state.flashBytes == 0)
            throw Fault("esp.flash-size", {shown});
    } else if (known == 0) {
        throw Fault("esp.flash-size", {u"not to be had in secure download mode"_s});
    }
    client.demand(EspRequest::words(SpiSetParameters, {0, quint32(state.flashBytes), 0x10000, 0x1000, 0x100, 0xffff}),
                  0, u"take the size of its flash memory"_s, task);
}

void esp::quietWatchdogs(EspClient &client, const EspChip &chip, const Task &task)
{
    if (!chip.watchdogs)
        return;
    const EspChip::Watchdogs &dogs = *chip.watchdogs;
    client.writeRegister(dogs.protect, dogs.key, task);
    client.writeRegister(dogs.config, 0, task);
    client.writeRegister(dogs.protect, 0, task);
    client.writeRegister(dogs.superProtect, dogs.superKey, task);
    client.writeRegister(dogs.superConfig, client.readRegister(dogs.superConfig, task) | dogs.superFeed, task);
    client.writeRegister(dogs.superProtect, 0, task);
}

} // namespace slipway
