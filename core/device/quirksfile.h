#pragma once
// The file in which a driver keeps what boards do their own way: drivers/NAME/quirks.json, built in, and before it a
// station's own that SLIPWAY_NAME_QUIRKS names. What is the same for all drivers: finding and reading the file, its
// head, members of the right form and no others, each mistake with the path to it. Throws the driver's own faults,
// QuirksForm::wrong (arguments: file, path, sentence) and QuirksForm::unknown (board, nearest name, all names).

#include <QByteArray>
#include <QJsonArray>
#include <QJsonObject>
#include <QList>
#include <QRegularExpression>
#include <QString>
#include <QStringList>

#include <algorithm>
#include <exception>
#include <optional>

namespace slipway {

struct QuirksForm {
    const char *driver;  // "smp"
    const char *wrong;   // "smp.quirks"
    const char *unknown; // "smp.board-unknown"
};

// One object of the file. A member that is null counts as left out.
class QuirksNode
{
public:
    QuirksNode(const QuirksForm &form, QJsonObject object, QString file, QString path);

    [[noreturn]] void wrong(const QString &member, const QString &sentence) const;
    // Members that nobody asks for are mistakes.
    void only(const QStringList &known) const;
    bool has(const QString &name) const;
    QJsonValue value(const QString &name) const { return m_object.value(name); }
    QStringList keys() const { return m_object.keys(); }

    // Without a fallback the member must be there.
    QString text(const QString &name) const;
    QString text(const QString &name, const QString &fallback) const;
    QString choice(const QString &name, const QStringList &words) const; // left out: the first
    qint64 number(const QString &name, qint64 least, qint64 most) const;
    qint64 number(const QString &name, qint64 least, qint64 most, qint64 fallback) const;
    bool flag(const QString &name, bool fallback) const;
    quint32 address(const QString &name) const; // "0x08000000"
    QByteArray bytes(const QString &name, qsizetype most) const;
    QRegularExpression pattern(const QString &name) const;
    QRegularExpression pattern(const QString &name, const QString &fallback) const;
    QJsonArray list(const QString &name) const; // left out: empty
    QStringList texts(const QString &name) const;
    QList<quint32> addresses(const QString &name) const;
    QuirksNode child(const QString &name) const;
    QuirksNode childOrEmpty(const QString &name) const;
    QList<QuirksNode> children(const QString &name) const; // a list of objects; left out: empty

    // Of a piece of that member.
    qint64 number(const QString &name, const QJsonValue &value, qint64 least, qint64 most) const;
    quint32 address(const QString &name, const QJsonValue &value) const;

private:
    QString path(const QString &name) const;

    const QuirksForm *m_form;
    QJsonObject m_object;
    QString m_file, m_path;
};

// The file's object, once its head is right: "slipway-quirks": 1, "driver": NAME, and no members but those.
QuirksNode readQuirks(const QuirksForm &form, const QByteArray &json, const QString &file, const QStringList &members);

struct QuirksText {
    QByteArray json;
    QString file; // for messages
};
QuirksText shippedQuirks(const QuirksForm &form);
std::optional<QuirksText> ownQuirks(const QuirksForm &form); // at most 1 MiB; throws file.*

[[noreturn]] void unknownBoard(const QuirksForm &form, const QString &name, const QStringList &known);

// Boards are anything with a name.
template <typename Board> QStringList boardNames(const QList<Board> &boards)
{
    QStringList out;
    for (const Board &board : boards)
        out << board.name;
    return out;
}

template <typename Board>
const Board &findBoard(const QuirksForm &form, const QList<Board> &boards, const QString &name)
{
    const auto it = std::find_if(boards.begin(), boards.end(), [&](const Board &board) { return board.name == name; });
    if (it == boards.end())
        unknownBoard(form, name, boardNames(boards));
    return *it;
}

// A station's own boards go before those of the same name that are built in.
template <typename Board> void addShipped(QList<Board> &own, const QList<Board> &shipped)
{
    const QStringList names = boardNames(own);
    for (const Board &board : shipped) {
        if (!names.contains(board.name))
            own << board;
    }
}

// A driver's table. A station's own file that is wrong is told of when something needs it: the other drivers, and the
// list of what there is, do without.
template <typename Table> class LoadedQuirks
{
public:
    LoadedQuirks()
    {
        try {
            m_table = Table::load();
        } catch (...) {
            m_trouble = std::current_exception();
        }
    }
    const Table &get() const
    {
        if (m_trouble)
            std::rethrow_exception(m_trouble);
        return m_table;
    }
    const Table &orEmpty() const { return m_table; }

private:
    Table m_table;
    std::exception_ptr m_trouble;
};

} // namespace slipway
