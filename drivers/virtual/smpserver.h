#pragma once
// The SMP server: one message in, one answer out, in the words of Zephyr 3.4 (or of MCUboot's serial recovery), with
// the group and command numbers, key names and error codes of the MCUmgr documentation and the recorded exchanges.
// Knows nothing of links, buffers or time: a request says what it cost and what has to happen after its answer.

#include "core/codec/smpheader.h"
#include "drivers/virtual/bootloader.h"
#include "drivers/virtual/cborreply.h"
#include "drivers/virtual/virtualboard.h"

#include <QCborMap>

namespace slipway {

// The parameters of a request. Absent is fine, a wrong type is not (bad()).
class SmpParameters
{
public:
    explicit SmpParameters(QByteArrayView body);
    bool bad() const { return m_bad; }
    bool has(QLatin1String key) const { return m_map.contains(key); }
    std::optional<quint64> number(QLatin1String key);
    std::optional<QByteArray> blob(QLatin1String key);
    std::optional<QString> text(QLatin1String key);
    std::optional<bool> flag(QLatin1String key);
    std::optional<QStringList> texts(QLatin1String key);
    std::optional<QList<quint64>> numbers(QLatin1String key);

private:
    QCborMap m_map;
    bool m_bad = false;
};

class SmpServer
{
public:
    SmpServer(const VirtualSmpOptions &options, FaultDesk &faults, VirtualBoard &board, Bootloader &boot);

    struct Answer {
        QByteArray message; // empty: none
        QStringList log;    // lines the device prints on its console before it answers
        bool reset = false; // goes down after the answer
        bool crash = false; // goes down at once
        std::chrono::microseconds cost{0};
    };
    Answer handle(const QByteArray &message);
    void restart(); // what lives in RAM is gone

    VirtualSmpOptions::Server server;
    int uploads = 0;
    qint64 uploadedBytes = 0;
    qint64 uploadOffset() const { return m_upload.offset; }
    bool slotsDirty = false; // slots or flags changed for good
    std::optional<std::chrono::steady_clock::time_point> firstUploadAt, lastUploadAt;

private:
    // rc: an SMP error of its own (MCUmgr "mcumgr_err_t"); group and code: an error of a group.
    enum Rc {
        fine = 0,
        unknown = 1,
        noMemory = 2,
        invalid = 3,
        noEntry = 5,
        badState = 6,
        corrupt = 9,
        unsupported = 8,
        denied = 11,
        tooNew = 13
    };
    struct Result {
        int rc = fine;
        int group = -1;
        int code = 0;
        bool mute = false; // only the header of the answer before goes out again, as recorded for an unknown
                           // statistics name in version 1
        static Result error(int rc) { return {rc, -1, 0, false}; }
        static Result groupError(int group, int code) { return {fine, group, code, false}; }
        bool ok() const { return rc == fine && group < 0; }
    };
    Result dispatch(const SmpHeader &header, SmpParameters &in);
    Result os(const SmpHeader &header, SmpParameters &in);
    Result osInfo(SmpParameters &in);
    Result osTasks();
    Result osDateTime(const SmpHeader &header, SmpParameters &in);
    Result image(const SmpHeader &header, SmpParameters &in);
    Result imageState(SmpParameters &in);
    Result imageUpload(SmpParameters &in);
    Result imageErase(SmpParameters &in);
    Result imageSlots();
    void imageList();
    void recoveryList();
    Result recovery(const SmpHeader &header, SmpParameters &in);
    Result recoveryUpload(SmpParameters &in);
    Result statistics(const SmpHeader &header, SmpParameters &in);
    Result settings(const SmpHeader &header, SmpParameters &in);
    Result files(const SmpHeader &header, SmpParameters &in);
    Result fileUpload(SmpParameters &in);
    Result fileDownload(SmpParameters &in);
    Result fileHash(SmpParameters &in);
    Result shell(const SmpHeader &header, SmpParameters &in);
    Result enumeration(const SmpHeader &header, SmpParameters &in);
    Result basic(const SmpHeader &header);
    void success(); // "rc": 0 where the build still sends it
    int translated(int group, int code) const;
    void charge(qint64 from, qint64 to); // erasing and programming those bytes
    void took(qint64 bytes);             // image bytes

    const VirtualSmpOptions &m_options;
    FaultDesk &m_faults;
    VirtualBoard &m_board;
    Bootloader &m_boot;
    CborReply m_out;
    Answer m_answer;
    bool m_version2 = true;
    struct {
        bool running = false;
        qint64 offset = 0;
        qint64 size = 0;
        QByteArray sha;
    } m_upload;
    struct {
        QString name; // file being written
        qint64 offset = 0;
    } m_file;
    QByteArray m_lastHeader; // of the answer before
    std::chrono::steady_clock::time_point m_started = std::chrono::steady_clock::now();
    std::optional<qint64> m_clockOffsetMs; // device time minus the host's; nothing: not set
};

} // namespace slipway
