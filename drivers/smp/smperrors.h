#pragma once
// What SMP's error numbers mean, in words that end the sentence "The device refused to ...: ". Numbers from Zephyr's
// mcumgr headers (mgmt_defines.h and each group's *_mgmt.h, Zephyr 4.x).

#include <QString>

#include <optional>

namespace slipway {

namespace smp {
enum Group : quint16 {
    Os = 0,
    Image = 1,
    Stat = 2,
    Settings = 3,
    Fs = 8,
    ShellGroup = 9,
    Enumeration = 10,
    Basic = 63
};
// Codes that every group shares (version 1, and version 2 where the command was not reached).
enum Rc {
    RcOk = 0,
    RcUnknown = 1,
    RcNoMemory = 2,
    RcInvalid = 3,
    RcTimeout = 4,
    RcNoEntry = 5,
    RcBadState = 6,
    RcTooLarge = 7,
    RcNotSupported = 8,
    RcCorrupt = 9,
    RcBusy = 10,
    RcDenied = 11,
    RcTooOld = 12,
    RcTooNew = 13,
};
} // namespace smp

struct SmpError {
    std::optional<quint16> group; // version 2: the group that says so
    qint64 rc = 0;
    QString reason; // "rsn", verbose devices only; made safe

    // Of the shared codes, or the group's own meaning the same.
    bool isNotSupported() const { return !group && rc == smp::RcNotSupported; }
    bool isNoMemory() const;
    bool isNotFound() const;
    QString text() const;   // "it has no such file"
    QString number() const; // "8/3" or "rc 5", for the log
};

} // namespace slipway
