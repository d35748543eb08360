#pragma once
// One program at work on a home at a time. The kernel lets go of the lock when the program ends, however it ends, so
// a kill leaves nothing behind that a person must clean up. Throws station.busy.

#include <QString>

namespace slipway {

class StationLock
{
public:
    explicit StationLock(const QString &homePath);
    StationLock(const StationLock &) = delete;
    StationLock &operator=(const StationLock &) = delete;
    ~StationLock();

private:
    int m_fd = -1;
};

} // namespace slipway
