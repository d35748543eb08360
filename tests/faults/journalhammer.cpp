// Writes into a journal as fast as it can and says on standard output what was acknowledged, one line each, until it is
// killed: "entry SEQ", "number VALUE", "checkpoint SEQ".
//   journalhammer JOURNAL KEY-PEM

#include "core/journal/headfile.h"
#include "tests/unit/journal/journalfixture.h"

#include <QCoreApplication>

#include <unistd.h>

using namespace slipway;
using namespace slipway::test;

namespace {

void tell(const QByteArray &line)
{
    const QByteArray bytes = line + '\n';
    if (::write(1, bytes.constData(), size_t(bytes.size())) != bytes.size())
        _exit(1);
}

} // namespace

int main(int argc, char **argv)
{
    QCoreApplication application(argc, argv);
    const QStringList words = QCoreApplication::arguments();
    const auto journal = Journal::open(words.value(1), std::make_shared<KeySigner>(words.value(2)));
    const QString pool = QStringLiteral("serial");
    for (int i = 0;; ++i) {
        for (int k = 0; k < 5; ++k) // company for the next commit
            journal->append({QStringLiteral("fact"), {}, {}, {{QStringLiteral("value"), i}}});
        tell("entry " + QByteArray::number(
                            journal->appendDurably({QStringLiteral("fact"), {}, {}, {{QStringLiteral("value"), i}}})));
        QString value;
        journal->transact([&](Journal::Transaction &t) {
            value = QStringLiteral("T1-%1").arg(t.highestNumber(Mode::Production, pool, QStringLiteral("T1-")) + 1, 8,
                                                10, QLatin1Char('0'));
            t.append(
                {QStringLiteral("number"), {}, {}, {{QStringLiteral("pool"), pool}, {QStringLiteral("value"), value}}});
        });
        tell("number " + value.toUtf8());
        if (i % 7 == 0) {
            journal->checkpoint();
            tell("checkpoint " + QByteArray::number(readHeadFile(words.value(1))->seq));
        }
    }
}
