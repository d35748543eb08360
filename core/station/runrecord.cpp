#include "core/station/runrecord.h"

namespace slipway {

void RunRecord::note(qint64 seq)
{
    if (m_first == 0 || seq < m_first)
        m_first = seq;
    m_last = std::max(m_last, seq);
}

void RunRecord::append(const QString &kind, QCborMap body)
{
    m_open.push_back(m_journal.append({kind, m_run, m_device, std::move(body)}));
}

qint64 RunRecord::appendDurably(const QString &kind, QCborMap body)
{
    const qint64 seq = m_journal.appendDurably({kind, m_run, m_device, std::move(body)});
    note(seq);
    return seq;
}

void RunRecord::settle()
{
    std::exception_ptr failure;
    for (std::future<qint64> &entry : m_open) {
        try {
            note(entry.get());
        } catch (...) {
            if (!failure)
                failure = std::current_exception();
        }
    }
    m_open.clear();
    if (failure)
        std::rethrow_exception(failure);
}

} // namespace slipway
