#pragma once
// What a device says it offers: CoRE link format (RFC 6690 section 2), the answer to GET /.well-known/core. Reads what
// devices send; from a list that breaks off or goes wrong, the links before that place remain.

#include <QByteArrayView>
#include <QList>
#include <QMap>
#include <QString>
#include <QStringList>

#include <optional>

namespace slipway {

struct CoreLink {
    QString target;                    // "/sensors/temp"
    QMap<QString, QString> attributes; // "ct" -> "0 50"; a flag ("obs") has ""; of one given twice the first counts
    QStringList words(const QString &attribute) const; // "rt" may hold several, with blanks between
    bool observable() const { return attributes.contains(QStringLiteral("obs")); }
    std::optional<qint64> size() const; // "sz"
};

struct LinkFormat {
    static constexpr qsizetype largest = 256 * 1024; // bytes that are read at most
    static constexpr int mostLinks = 4096;
    static constexpr int mostAttributes = 32;

    QList<CoreLink> links;
    QString error; // what is wrong, with the offset, for a log; empty: all of it was read

    static LinkFormat parse(QByteArrayView bytes);
    const CoreLink *find(const QString &target) const;
};

} // namespace slipway
