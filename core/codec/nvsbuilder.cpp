#include "core/codec/nvsbuilder.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/codec/csv.h"
#include "core/codec/nvsformat.h"

#include <QMap>
#include <QtEndian>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype longestString = 4000; // with its NUL
constexpr qsizetype longestBlob = 508 * 1024;
constexpr int mostSpaces = 254;
using Entry = std::array<char, NvsPartition::EntrySize>;

[[noreturn]] void wrong(const QString &what)
{
    throw Fault("codec.nvs-build", {what});
}

void checkName(const QString &name, const QString &what)
{
    const QByteArray utf8 = name.toUtf8();
    if (utf8.isEmpty() || utf8.size() > NvsPartition::LongestKey || utf8.contains('\0'))
        wrong(u"%1 \"%2\" does not have 1 to 15 characters"_s.arg(what, oneLine(name, 40)));
}

quint8 integerType(const QString &encoding)
{
    static constexpr std::array types{nvs::U8, nvs::I8, nvs::U16, nvs::I16, nvs::U32, nvs::I32, nvs::U64, nvs::I64};
    for (const quint8 type : types) {
        if (nvs::integerName(type) == encoding)
            return type;
    }
    return 0;
}

} // namespace

struct NvsBuilder::Private {
    qsizetype usable = 0; // pages
    QByteArray bytes;
    std::optional<NvsCipher> cipher;
    qsizetype page = -1;
    qsizetype used = 0; // entries of the page
    QMap<QString, quint8> spaces;
    quint8 space = 0;

    char *pageData() { return bytes.data() + page * NvsPartition::PageSize; }

    void newPage()
    {
        if (page + 1 >= usable)
            wrong(u"it needs more than %1 pages of 4096 bytes%2"_s.arg(usable).arg(
                usable * NvsPartition::PageSize < bytes.size() ? u"; one more must stay free"_s : QString()));
        if (page >= 0)
            qToLittleEndian(nvs::fullPage, pageData());
        ++page;
        used = 0;
        qToLittleEndian(nvs::activePage, pageData());
        qToLittleEndian(quint32(page), pageData() + 4);
        pageData()[8] = char(nvs::version2);
        qToLittleEndian(nvs::checksum(QByteArrayView(pageData() + 4, 24)), pageData() + 28);
    }

    qsizetype left() const { return NvsPartition::EntriesPerPage - used; }

    // count entries; the last one is filled up with blank flash memory.
    void write(QByteArrayView content, qsizetype count)
    {
        for (qsizetype i = 0; i < count; ++i, ++used) {
            const qsizetype at = NvsPartition::EntriesOffset + used * NvsPartition::EntrySize;
            char *to = pageData() + at;
            const QByteArrayView some =
                content.sliced(i * NvsPartition::EntrySize)
                    .first(std::min(NvsPartition::EntrySize, content.size() - i * NvsPartition::EntrySize));
            std::copy(some.begin(), some.end(), to);
            if (cipher)
                cipher->run(to, quint64(page * NvsPartition::PageSize + at));
            pageData()[nvs::bitmapAt + used / 4] &= char(~(1 << (used % 4 * 2)));
        }
    }

    static Entry header(quint8 inSpace, const QString &key)
    {
        Entry entry{};
        entry.fill('\xff');
        entry[nvs::spaceAt] = char(inSpace);
        entry[nvs::spanAt] = 1;
        std::fill_n(entry.begin() + nvs::keyAt, nvs::keySize, '\0');
        const QByteArray name = key.toUtf8();
        std::copy(name.begin(), name.end(), entry.begin() + nvs::keyAt);
        return entry;
    }
    void close(Entry &entry)
    {
        qToLittleEndian(nvs::entryChecksum(QByteArrayView(entry.data(), qsizetype(entry.size()))),
                        entry.data() + nvs::crcAt);
        write(QByteArrayView(entry.data(), qsizetype(entry.size())), 1);
    }
    static void describe(Entry &entry, QByteArrayView value)
    {
        qToLittleEndian(quint16(value.size()), entry.data() + nvs::dataAt);
        qToLittleEndian(nvs::checksum(value), entry.data() + nvs::dataAt + 4);
    }

    void integer(quint8 inSpace, const QString &key, quint8 type, quint64 value)
    {
        if (left() == 0)
            newPage();
        Entry entry = header(inSpace, key);
        entry[nvs::typeAt] = char(type);
        for (int i = 0; i < (type & 0x0f); ++i)
            entry[size_t(nvs::dataAt + i)] = char(value >> (8 * i) & 0xff);
        close(entry);
    }

    void string(const QString &key, QByteArrayView text)
    {
        SecretBytes value(text.size() + 1);
        std::copy(text.begin(), text.end(), value.data());
        if (value.size() > longestString)
            wrong(u"the string \"%1\" has %2 bytes, and %3 is the most"_s.arg(key)
                      .arg(text.size())
                      .arg(longestString - 1));
        const qsizetype rows = (value.size() + NvsPartition::EntrySize - 1) / NvsPartition::EntrySize;
        if (rows + 1 >= left()) // the generator leaves the last entry of a page to others
            newPage();
        Entry entry = header(space, key);
        entry[nvs::typeAt] = char(nvs::String);
        entry[nvs::spanAt] = char(rows + 1);
        describe(entry, value);
        close(entry);
        write(value, rows);
    }

    void blob(const QString &key, QByteArrayView value)
    {
        if (value.size() > longestBlob)
            wrong(u"the blob \"%1\" has %2 bytes, and %3 is the most"_s.arg(key).arg(value.size()).arg(longestBlob));
        if (left() == 0)
            newPage();
        Entry entry = header(space, key);
        qsizetype done = 0;
        int chunks = 0;
        do {
            const qsizetype room = (left() - 1) * NvsPartition::EntrySize;
            const QByteArrayView chunk = value.sliced(done, std::min(room, value.size() - done));
            const qsizetype rows = (chunk.size() + NvsPartition::EntrySize - 1) / NvsPartition::EntrySize;
            entry[nvs::typeAt] = char(nvs::Blobdata);
            entry[nvs::spanAt] = char(rows + 1);
            entry[nvs::chunkAt] = char(chunks++);
            describe(entry, chunk);
            close(entry);
            write(chunk, rows);
            done += chunk.size();
            if (done < value.size() || room - chunk.size() < NvsPartition::EntrySize)
                newPage();
        } while (done < value.size());
        std::fill_n(entry.begin() + nvs::dataAt, 8, '\xff');
        entry[nvs::typeAt] = char(nvs::Blobindex);
        entry[nvs::spanAt] = 1;
        entry[nvs::chunkAt] = char(nvs::anyChunk);
        qToLittleEndian(quint32(value.size()), entry.data() + nvs::dataAt);
        entry[nvs::dataAt + 4] = char(chunks);
        entry[nvs::dataAt + 5] = 0;
        close(entry);
    }
};

NvsBuilder::NvsBuilder(qsizetype size, const NvsKeys *keys) : d(std::make_unique<Private>())
{
    if (size < NvsPartition::PageSize || size % NvsPartition::PageSize != 0 || size > NvsPartition::MaximumBytes)
        wrong(u"a partition of %1 bytes cannot be; it takes a multiple of 4096"_s.arg(size));
    const qsizetype pages = size / NvsPartition::PageSize;
    d->usable = pages < 3 ? pages : pages - 1;
    d->bytes = QByteArray(size, '\xff');
    if (keys)
        d->cipher.emplace(*keys, NvsCipher::Direction::Encrypt);
    d->newPage();
}

NvsBuilder::~NvsBuilder()
{
    cleanse(d->bytes);
}

void NvsBuilder::space(const QString &name)
{
    checkName(name, u"namespace"_s);
    if (const auto known = d->spaces.constFind(name); known != d->spaces.constEnd()) {
        d->space = *known;
        return;
    }
    if (d->spaces.size() >= mostSpaces)
        wrong(u"there are more than %1 namespaces"_s.arg(mostSpaces));
    d->space = quint8(d->spaces.size() + 1);
    d->spaces.insert(name, d->space);
    d->integer(0, name, nvs::U8, d->space);
}

void NvsBuilder::add(const QString &key, const QString &encoding, QByteArrayView value)
{
    if (d->space == 0)
        wrong(u"\"%1\" stands before any namespace"_s.arg(oneLine(key, 40)));
    checkName(key, u"key"_s);
    if (const quint8 type = integerType(encoding)) {
        const int bits = (type & 0x0f) * 8;
        bool ok = false;
        quint64 number = 0;
        const QByteArray text = value.trimmed().toByteArray();
        if (type & 0x10) {
            const qint64 given = text.toLongLong(&ok);
            const qint64 most = std::numeric_limits<qint64>::max() >> (64 - bits);
            ok = ok && given <= most && given >= -most - 1;
            number = quint64(given);
        } else {
            number = text.toULongLong(&ok);
            ok = ok && !text.startsWith('-') && number <= std::numeric_limits<quint64>::max() >> (64 - bits);
        }
        if (!ok)
            wrong(u"the value of \"%1\" is no %2"_s.arg(key, encoding));
        d->integer(d->space, key, type, number);
        return;
    }
    if (encoding == u"string") {
        if (value.contains('\0'))
            wrong(u"the string \"%1\" has a NUL in it"_s.arg(key));
        d->string(key, value);
    } else if (encoding == u"binary") {
        d->blob(key, value);
    } else if (encoding == u"hex2bin" || encoding == u"base64") {
        QByteArray text = value.trimmed().toByteArray();
        std::optional<QByteArray> bytes;
        if (encoding == u"base64") {
            text.replace('\n', "").replace('\r', "");
            const auto decoded = QByteArray::fromBase64Encoding(text, QByteArray::AbortOnBase64DecodingErrors);
            if (decoded)
                bytes = decoded.decoded;
        } else {
            bytes = fromHex(QString::fromLatin1(text));
        }
        cleanse(text);
        if (!bytes)
            wrong(u"the value of \"%1\" is no %2"_s.arg(key, encoding == u"base64" ? u"base64"_s : u"hex"_s));
        d->blob(key, *bytes);
        cleanse(*bytes);
    } else {
        static const QStringList known{u"u8"_s,  u"i8"_s,  u"u16"_s,    u"i16"_s,     u"u32"_s,    u"i32"_s,
                                       u"u64"_s, u"i64"_s, u"string"_s, u"hex2bin"_s, u"base64"_s, u"binary"_s};
        wrong(u"\"%1\" is no encoding.%2 Known: %3"_s.arg(oneLine(encoding, 20), didYouMean(encoding, known),
                                                          known.join(u", "_s)));
    }
}

QByteArray NvsBuilder::finish()
{
    d->page = -1;
    d->usable = 0;
    return std::exchange(d->bytes, {});
}

QByteArray NvsBuilder::fromCsv(QByteArrayView csv, qsizetype size, const NvsKeys *keys,
                               const std::function<QByteArray(const QString &)> &file,
                               const std::function<QByteArray(const QByteArray &)> &expand)
{
    QList<CsvRow> rows = readCsv(csv);
    if (rows.isEmpty() || rows.first().fields.mid(0, 4) != QList<QByteArray>{"key", "type", "encoding", "value"})
        wrong(u"its first line is not \"key,type,encoding,value\""_s);
    NvsBuilder builder(size, keys);
    for (qsizetype i = 1; i < rows.size(); ++i) {
        CsvRow &row = rows[i];
        try {
            while (row.fields.size() < 4)
                row.fields << QByteArray();
            const QString key = QString::fromUtf8(row.fields[0]);
            const QByteArray type = row.fields[1];
            const QString encoding = QString::fromLatin1(row.fields[2]).toLower();
            if (type == "namespace") {
                builder.space(key);
            } else if (type == "data" || type == "file") {
                QByteArray value = type == "file" ? file(QString::fromUtf8(row.fields[3]))
                                   : expand       ? expand(row.fields[3])
                                                  : row.fields[3];
                builder.add(key, encoding, value);
                cleanse(value);
            } else {
                wrong(u"\"%1\" is no type; there are namespace, data and file"_s.arg(
                    oneLine(QString::fromLatin1(type), 20)));
            }
        } catch (const Fault &fault) {
            if (!fault.is("codec.nvs-build"))
                throw;
            throw Fault("codec.nvs-line", {QString::number(row.line), fault.sentence()});
        }
        for (QByteArray &field : row.fields)
            cleanse(field);
    }
    return builder.finish();
}

} // namespace slipway
