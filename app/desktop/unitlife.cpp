#include "app/desktop/unitlife.h"

#include "core/journal/queries.h"

#include <algorithm>

namespace slipway {

UnitLife UnitLife::read(const QString &journalPath, Mode mode, const QString &serial)
{
    constexpr size_t most = 8;
    JournalReader reader(journalPath);
    UnitLife life;
    const std::vector<RunRow> runs = reader.runsOf(mode, serial);
    for (size_t i = runs.size(); i > 0 && runs.size() - i < most; --i)
        life.passages << runs[i - 1];
    const std::optional<Checkpoint> head = reader.head();
    const std::optional<Checkpoint> checkpoint = reader.lastCheckpoint();
    life.signedTo = std::max(head ? head->seq : 0, checkpoint ? checkpoint->seq : 0);
    return life;
}

} // namespace slipway
