#include "core/journal/headfile.h"

#include "core/base/fault.h"
#include "core/base/files.h"
#include "core/base/text.h"
#include "core/journal/chain.h"

#include <QFileInfo>

namespace slipway {

QByteArray Checkpoint::message() const
{
    return checkpointMessage(seq, at, hash);
}

QString headFilePath(const QString &journalPath)
{
    return journalPath.endsWith(QLatin1String(".db")) ? journalPath.chopped(3) + QLatin1String(".head")
                                                      : journalPath + QLatin1String(".head");
}

std::optional<Checkpoint> readHeadFile(const QString &journalPath)
{
    const QString path = headFilePath(journalPath);
    if (!QFileInfo::exists(path))
        return {};
    const auto lines = readFile(path, 4096, QStringLiteral("a journal.head")).split('\n');
    const auto unreadable = [&path] {
        return Fault("journal.tampered", {QStringLiteral("%1 is not as Slipway wrote it").arg(path)});
    };
    if (lines.size() != 6 || lines[0] != checkpointTag || !lines[5].isEmpty())
        throw unreadable();
    Checkpoint checkpoint;
    bool number = false;
    checkpoint.seq = lines[1].toLongLong(&number);
    checkpoint.at = lines[2];
    const auto hash = fromHex(QString::fromLatin1(lines[3]));
    const auto signature = fromHex(QString::fromLatin1(lines[4]));
    if (!number || checkpoint.seq < 0 || !hash || hash->size() != hashBytes || !signature)
        throw unreadable();
    checkpoint.hash = *hash;
    checkpoint.signature = *signature;
    return checkpoint;
}

void writeHeadFile(const QString &journalPath, const Checkpoint &checkpoint)
{
    writeFile(headFilePath(journalPath), checkpoint.message() + checkpoint.signature.toHex() + '\n');
}

} // namespace slipway
