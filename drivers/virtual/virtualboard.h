#pragma once
// What lies behind the protocol: files, settings, the shell, the identity and the lock of a board. Board t1-rev-b
// follows its description in drivers/smp/README.md to the letter. No protocol here and no thread of its own.

#include "drivers/virtual/deviceidentity.h"
#include "drivers/virtual/virtualsmp.h"

#include <QMap>

#include <optional>

namespace slipway {

class FaultDesk;

class VirtualBoard
{
public:
    VirtualBoard(const VirtualSmpOptions &options, FaultDesk &faults);

    static constexpr const char *certificateFile = "/lfs/idevid.pem";
    static constexpr const char *requestFile = "/lfs/idevid.csr";

    // Files. Errors are those of Zephyr's fs_mgmt (group 8).
    enum FileError {
        fileFine = 0,
        fileInvalidName = 2,
        fileNotFound = 3,
        fileIsDirectory = 4,
        fileWriteFailed = 10,
        fileOffsetNotValid = 11,
        fileOffsetBeyond = 12,
        fileHashUnknown = 13,
        fileReadOnly = 15,
        fileEmpty = 16,
    };
    FileError lookAt(const QString &name) const; // exists, and is a file
    FileError mayWrite(const QString &name) const;
    FileError write(const QString &name, qint64 offset, QByteArrayView data); // offset 0 empties the file first
    QByteArray file(const QString &name) const { return m_files.value(name); }
    qint64 fileSize(const QString &name) const { return m_files.value(name).size(); }

    // Settings. Errors are those of Zephyr's settings_mgmt (group 3).
    enum SettingError {
        settingFine = 0,
        settingKeyTooLong = 2,
        settingNotFound = 3,
        settingNotWritable = 6,
        settingNotDeletable = 7
    };
    SettingError readSetting(const QString &name, QByteArray &value) const;
    SettingError writeSetting(const QString &name, const QByteArray &value);
    SettingError deleteSetting(const QString &name);
    void saveSettings(); // what is in effect survives
    void loadSettings(); // what survived is in effect
    bool eraseStorage(); // false: locked

    struct ShellResult {
        QString output; // as the shell prints it, with line ends
        int status = 0;
    };
    ShellResult shell(const QStringList &words);

    // Identity and lock.
    bool certificateStored() const { return fileSize(QLatin1String(certificateFile)) > 0; }
    bool identityLocked() const { return debugLocked && certificateStored(); }
    void restart(); // what a restart changes
    QByteArray hardwareId() const { return m_factory.value(QStringLiteral("id/hwid")); }
    void setHardwareId(const QByteArray &eui64) { m_factory.insert(QStringLiteral("id/hwid"), eui64); }

    // Of the image that runs: setting id/security-counter, a decimal number; there is none where the image has none.
    void setSecurityCounter(std::optional<quint32> counter)
    {
        if (counter)
            m_factory.insert(QStringLiteral("id/security-counter"), QByteArray::number(*counter));
        else
            m_factory.remove(QStringLiteral("id/security-counter"));
    }

    static constexpr const char *keyFile = "/lfs/idevid.key";          // PrivateKeyInfo on its way in
    static constexpr const char *attestationFile = "/lfs/element.pem"; // of the secure element

    DeviceIdentity identity;
    bool debugLocked = false;
    QMap<QString, QByteArray> effective, saved;
    QMap<QString, QByteArray> files() const { return m_files; }
    void setFiles(const QMap<QString, QByteArray> &files) { m_files = files; }
    bool dirty = false; // something changed that survives a power cut
    int keysMade = 0;
    int signatures = 0;

private:
    bool mounted(const QString &name) const;
    qint64 filesSize() const;
    ShellResult idevid(const QStringList &words);
    ShellResult newKey(const QStringList &words);
    ShellResult line(const QString &text, int status = 0) const;

    const VirtualSmpOptions &m_options;
    FaultDesk &m_faults;
    QMap<QString, QByteArray> m_files;
    QMap<QString, QByteArray> m_factory; // read-only settings
};

} // namespace slipway
