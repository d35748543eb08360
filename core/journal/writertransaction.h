#pragma once
// What a function given to Journal::transact() works with: appends and look-ups on the writer's connection, inside its
// transaction. Lives as long as that function runs.

#include "core/journal/chainwriter.h"

#include <exception>

namespace slipway {

class WriterTransaction final : public Journal::Transaction
{
public:
    explicit WriterTransaction(ChainWriter &writer) : m_writer(writer), m_s(writer.statements()) {}

    qint64 append(const NewEntry &entry) override;
    bool numberTaken(Mode mode, const QString &pool, const QString &value) override;
    qint64 highestNumber(Mode mode, const QString &pool, const QString &prefix) override;
    std::vector<CertificateRow> certificatesOfSerial(Mode mode, const QString &serial) override;
    std::vector<CertificateRow> certificatesOfKey(const QByteArray &publicKeySha256) override;
    bool certificateSerialUsed(const QString &certificateSerialHex) override;
    sqlite3 *handle() override { return m_writer.handle(); }

    // A write that the database did not take. The function may have swallowed the fault; the transaction may not.
    const std::exception_ptr &failure() const { return m_failure; }

private:
    ChainWriter &m_writer;
    ChainWriter::Statements &m_s;
    std::exception_ptr m_failure;
};

} // namespace slipway
