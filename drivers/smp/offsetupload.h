#pragma once
// Uploads of SMP, image and file alike: pieces at consecutive offsets, each answered with the offset that the device
// expects next. As many requests in flight as the device has buffers; an answer with another offset than the piece's
// end means that something was lost or the device knows better: the rest in flight is awaited and the upload goes on
// from there. Silence, "no memory", a restart of the device and a link that goes and comes back are handled; what makes
// no progress ends with smp.upload-stuck or smp.no-answer.

#include "core/device/capabilities.h"
#include "drivers/smp/smpclient.h"

#include <chrono>
#include <deque>
#include <functional>

namespace slipway {

class OffsetUpload
{
public:
    struct Plan {
        quint16 group = 0;
        quint8 command = 0;
        qint64 total = 0;
        QString what; // "take the image"
        // Appends the CBOR of the piece that begins at offset, at most room bytes long, and returns how many bytes of
        // the content are in it.
        std::function<qint64(QByteArray &payload, qint64 offset, qsizetype room)> piece;
        // Looks at an error: the offset to go on from, or nothing to have it thrown. May be empty.
        std::function<std::optional<qint64>(const SmpReply &)> offsetOfError;
        bool resumes = false;                        // the first answer may say that a part is there already
        std::chrono::milliseconds firstAnswer{5000}; // the device may erase before it answers
        std::chrono::milliseconds answer{2000};
        std::chrono::milliseconds comesBack{60000}; // for a link that went away
    };

    OffsetUpload(SmpClient &client, Plan plan) : m_client(client), m_plan(std::move(plan)) {}

    Firmware::WriteResult run(const Task &task);
    const SmpReply &lastReply() const { return m_last; }

private:
    struct Flight {
        quint8 sequence;
        qint64 from, to;
        std::chrono::steady_clock::time_point due;
    };

    bool windowOpen() const;
    void sendNext();
    void answered(const SmpReply &reply, const Task &task);
    void wentSilent(const Task &task);
    void wentAway(const Task &task);
    void confirm(qint64 offset, const Task &task);
    void noProgress(const char *code);
    void startOver(qint64 offset);

    SmpClient &m_client;
    Plan m_plan;
    SmpReply m_last;
    std::deque<Flight> m_flights;
    QByteArray m_payload;
    qint64 m_next = 0;      // offset of the next piece to send
    qint64 m_confirmed = 0; // what the device expects
    qint64 m_resumedAt = 0; // what it had before
    int m_window = 1;
    bool m_started = false;  // the first piece is answered
    bool m_draining = false; // waits for what is in flight before going on from m_confirmed
    int m_silences = 0, m_backs = 0, m_refills = 0, m_restarts = 0;
    std::chrono::steady_clock::time_point m_wireFree{};
};

} // namespace slipway
