#include "drivers/virtual/virtualboard.h"

#include "core/base/text.h"
#include "drivers/virtual/faultdesk.h"

#include <QCryptographicHash>

#include <random>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

using Kind = VirtualFault::Kind;

// Zephyr's errno values as the shell returns them.
enum : int { shellFine = 0, shellNoEntry = -2, shellNotExecutable = -8, shellDenied = -13, shellInvalid = -22 };

QByteArray makeEui64(const VirtualSmpOptions &options)
{
    if (options.eui64.size() == 8)
        return options.eui64;
    QByteArray seed = options.serial.toUtf8();
    if (seed.isEmpty()) {
        std::random_device entropy;
        for (int i = 0; i < 4; ++i)
            seed.append(QByteArray::number(entropy()));
    }
    QByteArray eui = QCryptographicHash::hash(seed, QCryptographicHash::Sha256).first(8);
    eui[0] = static_cast<char>((eui[0] & 0xfc) | 0x02); // locally administered, one device
    return eui;
}

// Characters of PrintableString (X.680 section 41.4), which X520SerialNumber is made of.
bool printable(const QString &text)
{
    return std::all_of(text.begin(), text.end(), [](QChar c) {
        return c.unicode() < 0x80 && (c.isLetterOrNumber() || u" '()+,-./:=?"_s.contains(c));
    });
}

} // namespace

VirtualBoard::VirtualBoard(const VirtualSmpOptions &options, FaultDesk &faults) : m_options(options), m_faults(faults)
{
    m_factory.insert(u"id/board"_s, options.board.toUtf8());
    m_factory.insert(u"id/hwid"_s, makeEui64(options));
    if (!options.serial.isEmpty()) {
        saved.insert(u"id/serial"_s, options.serial.toUtf8());
        effective = saved;
    }
    if (!options.vendorKey.isEmpty()) {
        identity.setKey(options.vendorKey);
        m_files.insert(QLatin1String(certificateFile), options.vendorChain);
    }
}

void VirtualBoard::restart()
{
    effective = saved;
    if (m_faults.has(Kind::KeyChanges) && identity.hasKey()) {
        identity.generate();
        dirty = true;
    }
}

bool VirtualBoard::mounted(const QString &name) const
{
    return std::any_of(m_options.mounts.begin(), m_options.mounts.end(),
                       [&](const QString &mount) { return name.startsWith(mount + u'/'); });
}

VirtualBoard::FileError VirtualBoard::lookAt(const QString &name) const
{
    if (!name.startsWith(u'/'))
        return fileInvalidName;
    if (m_options.mounts.contains(name))
        return fileIsDirectory;
    return m_files.contains(name) ? fileFine : fileNotFound;
}

VirtualBoard::FileError VirtualBoard::mayWrite(const QString &name) const
{
    if (!name.startsWith(u'/') || name.endsWith(u'/'))
        return fileInvalidName;
    if (!mounted(name))
        return fileNotFound; // as recorded for /nope/x
    if (name == QLatin1String(certificateFile) && identityLocked())
        return fileReadOnly;
    return fileFine;
}

qint64 VirtualBoard::filesSize() const
{
    qint64 size = 0;
    for (const QByteArray &content : m_files)
        size += content.size();
    return size;
}

VirtualBoard::FileError VirtualBoard::write(const QString &name, qint64 offset, QByteArrayView data)
{
    const qint64 after = filesSize() + data.size() - (offset == 0 ? fileSize(name) : 0);
    if (after > m_options.fileSystemSize || m_faults.has(Kind::FullFlash))
        return fileWriteFailed;
    QByteArray &content = m_files[name];
    if (offset == 0 && !data.isEmpty()) // nothing to write leaves what is there, as Zephyr does
        content.clear();
    content.append(data);
    dirty = true;
    return fileFine;
}

VirtualBoard::SettingError VirtualBoard::readSetting(const QString &name, QByteArray &value) const
{
    if (name.size() > 64)
        return settingKeyTooLong;
    const auto factory = m_factory.constFind(name);
    if (factory != m_factory.constEnd()) {
        value = *factory;
        return settingFine;
    }
    const auto found = effective.constFind(name);
    if (found == effective.constEnd())
        return settingNotFound;
    value = *found;
    return settingFine;
}

VirtualBoard::SettingError VirtualBoard::writeSetting(const QString &name, const QByteArray &value)
{
    if (name.size() > 64)
        return settingKeyTooLong;
    if (m_factory.contains(name))
        return settingNotWritable;
    if (!name.contains(u'/') || !m_options.settingRoots.contains(name.section(u'/', 0, 0)))
        return settingNotFound;
    if (name.startsWith(u"id/")) {
        if (name != u"id/serial")
            return settingNotFound;
        if (identityLocked())
            return settingNotWritable;
    }
    effective.insert(name, value);
    return settingFine;
}

VirtualBoard::SettingError VirtualBoard::deleteSetting(const QString &name)
{
    if (name.size() > 64)
        return settingKeyTooLong;
    if (m_factory.contains(name) || (name == u"id/serial" && identityLocked()))
        return settingNotDeletable;
    if (!effective.contains(name) && !saved.contains(name))
        return settingNotFound;
    effective.remove(name);
    if (saved.remove(name))
        dirty = true;
    return settingFine;
}

void VirtualBoard::saveSettings()
{
    dirty = dirty || saved != effective;
    saved = effective;
}

void VirtualBoard::loadSettings()
{
    for (auto it = saved.constBegin(); it != saved.constEnd(); ++it)
        effective.insert(it.key(), it.value());
}

bool VirtualBoard::eraseStorage()
{
    if (identityLocked())
        return false;
    dirty = dirty || !saved.isEmpty();
    saved.clear();
    return true;
}

VirtualBoard::ShellResult VirtualBoard::line(const QString &text, int status) const
{
    return {u"\r\n"_s + text + u"\r\n"_s, status};
}

VirtualBoard::ShellResult VirtualBoard::shell(const QStringList &words)
{
    const QString command = words.join(u' ');
    const QStringList parts = command.split(u' ', Qt::SkipEmptyParts);
    const QString first = parts.value(0), second = parts.value(1);
    ShellResult result;
    if (first == u"kernel" && second == u"version") {
        result = line(u"Zephyr version "_s + m_options.kernelVersion);
    } else if (first == u"idevid" && m_options.board == u"t1-rev-b") {
        result = idevid(parts);
    } else if (first == u"lock" && m_options.board == u"t1-rev-b" && second == u"status") {
        result = line(debugLocked ? u"debug: locked"_s : u"debug: open"_s);
    } else if (first == u"lock" && m_options.board == u"t1-rev-b" && second == u"debug") {
        if (!debugLocked && !m_faults.has(Kind::LockFails)) {
            debugLocked = true;
            dirty = true;
        }
        result = line(u"debug: locked"_s);
    } else if (first == u"adc" && second == u"vdd") {
        const VirtualFault *outside = m_faults.find(Kind::AdcOutside);
        result = line(u"vdd = %1 V"_s.arg(outside ? outside->value : m_options.vdd, 0, 'f', 3));
    } else if (first == u"radio" && second == u"level") {
        result = line(u"%1 dBm"_s.arg(m_options.radioLevel, 0, 'f', 1));
    } else {
        return {u"\r\n\x1b[1;31m%1: command not found\r\n\x1b[m"_s.arg(first), shellNotExecutable};
    }
    if (m_faults.has(Kind::ShellGarbage))
        result.output = result.output.left(result.output.size() / 2) + u"\x1b[8D\x1b[J~\x07?"_s;
    return result;
}

VirtualBoard::ShellResult VirtualBoard::newKey(const QStringList &words)
{
    const QString what = words.value(1);
    if (identityLocked())
        return line(u"identity is locked"_s, shellDenied);
    if (m_faults.has(Kind::RefuseKeygen))
        return line(u"key generation failed"_s, -5);
    dirty = true;
    if (what == u"import") {
        const QByteArray key = DeviceIdentity::fromPkcs8(m_files.take(QLatin1String(keyFile)));
        if (key.isEmpty())
            return line(u"no P-256 key in %1"_s.arg(QLatin1String(keyFile)), shellInvalid);
        identity.take(key);
        return line(u"key: imported"_s);
    }
    if (what == u"derive") {
        const QString serial = words.value(2);
        if (words.size() != 3 || serial.size() > 64 || !printable(serial))
            return line(u"bad serial number"_s, shellInvalid);
        if (m_options.deviceSeed.isEmpty())
            return line(u"no seed"_s, shellNoEntry);
        identity.take(DeviceIdentity::derivedKey(m_options.deviceSeed, serial));
        return line(u"key: derived"_s);
    }
    const bool element = words.value(2) == u"element";
    if (element && !m_options.secureElement)
        return line(u"no secure element"_s, shellNoEntry);
    identity.generate();
    ++keysMade;
    if (element && !m_options.vendorChain.isEmpty())
        m_files.insert(QLatin1String(attestationFile), m_options.vendorChain);
    return line(u"key: generated"_s);
}

VirtualBoard::ShellResult VirtualBoard::idevid(const QStringList &words)
{
    const QString what = words.value(1);
    if (what == u"status")
        return line(certificateStored() ? u"identity: present"_s
                    : identity.hasKey() ? u"identity: key"_s
                                        : u"identity: none"_s);
    if (what == u"keygen" || what == u"derive" || what == u"import")
        return newKey(words);
    if (what == u"element") {
        if (!m_options.secureElement || !identity.hasKey())
            return line(u"no key in an element"_s, shellNoEntry);
        return line(u"handle: slot 0"_s);
    }
    if (what == u"csr") {
        if (!identity.hasKey())
            return line(u"no key"_s, shellNoEntry);
        QString serial = words.value(2);
        if (words.size() != 3 || serial.size() > 64 || !printable(serial))
            return line(u"bad serial number"_s, shellInvalid);
        if (m_faults.has(Kind::CsrSerial))
            serial = u"X-"_s + serial.first(std::min<qsizetype>(serial.size(), 62));
        QByteArray key = identity.key();
        if (m_faults.has(Kind::CsrStale))
            key = identity.previousKey().isEmpty() ? DeviceIdentity::newKey() : identity.previousKey();
        QByteArray request = DeviceIdentity::request(key, serial);
        if (m_faults.has(Kind::CsrSignature)) // the last byte belongs to the number s
            request.back() = static_cast<char>(request.back() ^ 1);
        if (write(QLatin1String(requestFile), 0, request) != fileFine)
            return line(u"no space"_s, -28);
        return line(u"csr: %1"_s.arg(QLatin1String(requestFile)));
    }
    if (what == u"sign") {
        if (!identity.hasKey())
            return line(u"no key"_s, shellNoEntry);
        const auto bytes = fromHex(words.value(2));
        if (words.size() != 3 || !bytes || bytes->isEmpty())
            return line(u"bad hex"_s, shellInvalid);
        ++signatures;
        const bool wrong = m_faults.has(Kind::SignWrong);
        return line(hex(DeviceIdentity::sign(wrong ? DeviceIdentity::newKey() : identity.key(), *bytes)));
    }
    return line(u"idevid: keygen [element], derive SERIAL, import, element, csr SERIAL, sign HEX, status"_s,
                shellInvalid);
}

} // namespace slipway
