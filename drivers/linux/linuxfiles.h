#pragma once
// Files over a Linux console, both ways, in pieces with a hash each. To the device: raw bytes where its terminal can be
// switched to pass all of them, counted by head or dd; else base64; else octal through the shell's printf. A piece with
// another hash is sent again, smaller; what stands in NAME.slipway-part from an earlier try is gone on from when its
// hash is right. The file appears under its name when all of it is there and its hash agrees. From the device: pieces
// by dd, or tail and head, raw, base64 or hexadecimal.
//
// Throws as LinuxConsole, and linux.no-tools, linux.garbled, linux.no-file, linux.not-a-file, linux.read-only,
// linux.no-space, linux.permission, linux.other-bytes, linux.file-changed, linux.file-too-large.

#include "drivers/linux/linuxconsole.h"

#include <QCryptographicHash>

namespace slipway {

class LinuxFiles
{
public:
    struct Sent {
        qint64 bytes = 0;     // of the file, by this call
        qint64 resumedAt = 0; // 0: from the start
        int retries = 0;      // pieces that had to go again
        double seconds = 0;   // from the first piece to the file under its name
        QString how;          // "raw", "base64", "text"
    };

    LinuxFiles(LinuxConsole &console, const LinuxBoard &board) : m_console(console), m_board(board) {}

    // Progress: bytes of the file on task.progress.
    enum class Readers { All, Owner }; // of a file that is new; Owner: of one that was there too
    Sent put(const QByteArray &content, const QString &path, bool resume, const Task &task,
             Readers readers = Readers::All);
    QByteArray get(const QString &path, qint64 limit, const Task &task);
    bool exists(const QString &path, const Task &task);
    void remove(const QString &path, const Task &task);
    // Nothing where the device has no program for it.
    std::optional<QByteArray> sha256(const QString &path, const Task &task);
    // Bytes free where that file is or would be; nothing where the device does not tell.
    std::optional<qint64> room(const QString &path, const Task &task);
    // The fault for what a program said of a file.
    [[noreturn]] void trouble(const QString &words, const QString &path, const QString &what) const;

private:
    enum class Hash { Sha256, OpenSsl, Md5, Cksum };
    void setUp(const Task &task);
    QByteArray hash(QByteArrayView bytes) const;
    LinuxConsole::Reply shell(const QString &command, const QString &what, const Task &task);
    LinuxConsole::Reply inLoop(const QString &command, const QString &what, const Task &task);
    qint64 begin(const QByteArray &content, const QString &path, const QString &part, bool resume, const Task &task);
    bool putPiece(QByteArrayView piece, const QString &path, const Task &task,
                  const std::function<void(qsizetype)> &sent);
    void finish(const QByteArray &content, const QString &path, const QString &part, Readers readers, const Task &task);
    std::optional<QByteArray> getPiece(qint64 atKiB, qint64 kiB, const QString &path, const Task &task);
    QByteArray encoded(QByteArrayView piece) const;
    std::chrono::milliseconds wireTime(qsizetype bytes) const;

    LinuxConsole &m_console;
    const LinuxBoard &m_board;
    int m_session = 0; // that knows our functions
    Hash m_hash = Hash::Sha256;
    bool m_rawFails = false;                  // something on the way does not let all bytes through
    LinuxEncoding m_out = LinuxEncoding::Raw; // to the device
    bool m_counted = true;                    // by head or dd; else line by line up to a dot
    LinuxEncoding m_in = LinuxEncoding::Raw;  // from the device; Text: hexadecimal
};

} // namespace slipway
