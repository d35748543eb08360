// The vault: what goes in comes out under its hash, and damage on the disk is noticed.

#include "core/base/fault.h"
#include "core/firmware/vault.h"
#include "tests/support/testmain.h"

#include <QCryptographicHash>
#include <QFile>
#include <QTemporaryDir>

#include <thread>

using namespace slipway;

class TestVault : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void keepsContentUnderItsHash()
    {
        Vault vault(m_folder->filePath(QStringLiteral("vault")));
        QVERIFY(vault.list().isEmpty());
        const QByteArray content("firmware\0with a zero", 20);
        const QByteArray name = vault.put(content);
        QCOMPARE(name, QCryptographicHash::hash(content, QCryptographicHash::Sha256));
        QVERIFY(vault.contains(name));
        QCOMPARE(vault.get(name), content);
        QCOMPARE(vault.put(content), name);
        QCOMPARE(vault.list(), QList<QByteArray>{name});
        QVERIFY(QFile::exists(vault.path(name)));
    }

    void emptyContent()
    {
        Vault vault(m_folder->path());
        QCOMPARE(vault.get(vault.put({})), QByteArray());
    }

    void missing()
    {
        const Vault vault(m_folder->path());
        try {
            (void)vault.get(QByteArray(32, 'x'));
            QFAIL("found what is not there");
        } catch (const Fault &fault) {
            QVERIFY(fault.is("vault.missing"));
        }
        QVERIFY(!vault.contains("../../etc/passwd"));
    }

    void damageIsNoticedAndRepaired()
    {
        Vault vault(m_folder->path());
        const QByteArray content(5000, 'a');
        const QByteArray name = vault.put(content);
        {
            QFile file(vault.path(name));
            QVERIFY(file.open(QIODevice::ReadWrite));
            file.seek(100);
            file.write("b");
        }
        try {
            (void)vault.get(name);
            QFAIL("gave out damaged content");
        } catch (const Fault &fault) {
            QVERIFY(fault.is("vault.damaged"));
        }
        QCOMPARE(vault.put(content), name);
        QCOMPARE(vault.get(name), content);
    }

    void notWritable()
    {
        QFile file(m_folder->filePath(QStringLiteral("vault")));
        QVERIFY(file.open(QIODevice::WriteOnly));
        Vault vault(file.fileName());
        QVERIFY_EXCEPTION_THROWN(vault.put("x"), Fault);
    }

    void manyThreadsPutTheSame()
    {
        Vault vault(m_folder->path());
        const QByteArray content(100'000, 'z');
        {
            std::vector<std::jthread> threads;
            for (int i = 0; i < 8; ++i)
                threads.emplace_back([&] { (void)Vault(m_folder->path()).put(content); });
        }
        QCOMPARE(vault.list().size(), 1);
        QCOMPARE(vault.get(vault.list().front()), content);
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
};

SLIPWAY_TEST_MAIN(TestVault)
#include "tst_vault.moc"
