#include "core/base/task.h"

#include "core/base/fault.h"

namespace slipway {

void Task::check(const QString &what) const
{
    if (stop.stop_requested())
        throw Fault("base.stopped");
    if (deadline.expired())
        throw Fault("base.timeout", {what});
}

} // namespace slipway
