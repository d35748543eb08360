#pragma once
// Keys and Lock of a board, as its data says: shell commands and files. Throws as SmpClient, and device.locked,
// device.refused, device.lacks, smp.lock-open, smp.bad-output.

#include "core/device/capabilities.h"
#include "drivers/smp/quirks.h"
#include "drivers/smp/smpclient.h"

namespace slipway {

class SmpKeys final : public Keys
{
public:
    SmpKeys(SmpClient &client, const BoardQuirks &board) : m_client(client), m_board(board) {}
    void generate(const Task &task) override;
    QByteArray request(const QString &serial, const Task &task) override;
    QByteArray sign(const QByteArray &challenge, const Task &task) override;
    void writeChain(const QList<QByteArray> &chain, const Task &task) override;
    QList<QByteArray> readChain(const Task &task) override;
    Element generateInElement(const Task &task) override;
    void derive(const QString &serial, const Task &task) override;
    void load(const SecretBytes &pkcs8, const Task &task) override;

private:
    SmpClient &m_client;
    const BoardQuirks &m_board;
};

class SmpLock final : public Lock
{
public:
    SmpLock(SmpClient &client, const BoardQuirks &board) : m_client(client), m_board(board) {}
    QStringList locks(const Task &task) override;
    bool isLocked(const QString &name, const Task &task) override;
    void lock(const QString &name, const Task &task) override;

private:
    const BoardLock &find(const QString &name) const;

    SmpClient &m_client;
    const BoardQuirks &m_board;
};

} // namespace slipway
