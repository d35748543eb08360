#include "core/codec/nvspartition.h"

#include "core/base/fault.h"
#include "core/base/text.h"
#include "core/codec/nvsformat.h"

#include <QMap>
#include <QtEndian>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

namespace slipway {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype mostDefects = 20;

bool isBlank(QByteArrayView bytes)
{
    return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\xff'; });
}

quint32 word(QByteArrayView bytes, qsizetype at)
{
    return qFromLittleEndian<quint32>(bytes.data() + at);
}

NvsPartition::State stateOf(quint32 value)
{
    switch (value) {
    case nvs::blankPage:
        return NvsPartition::State::Blank;
    case nvs::activePage:
        return NvsPartition::State::Active;
    case nvs::fullPage:
        return NvsPartition::State::Full;
    case nvs::freeingPage:
        return NvsPartition::State::Freeing;
    case nvs::corruptPage:
        return NvsPartition::State::Corrupt;
    default:
        return NvsPartition::State::Unknown;
    }
}

bool headerHolds(QByteArrayView page)
{
    return nvs::checksum(page.sliced(4, 24)) == word(page, 28);
}

// One entry, read.
struct Entry {
    quint8 space = 0, type = 0, span = 0, chunk = 0;
    QString key;
    QByteArray data;
    bool holds = false;

    explicit Entry(QByteArrayView bytes)
        : space(quint8(bytes[nvs::spaceAt])), type(quint8(bytes[nvs::typeAt])), span(quint8(bytes[nvs::spanAt])),
          chunk(quint8(bytes[nvs::chunkAt])), data(bytes.sliced(nvs::dataAt, 8).toByteArray()),
          holds(nvs::entryChecksum(bytes) == word(bytes, nvs::crcAt))
    {
        const QByteArrayView name = bytes.sliced(nvs::keyAt, nvs::keySize);
        const qsizetype end = name.indexOf('\0');
        key = QString::fromLatin1(name.first(end < 0 ? name.size() : end));
        holds = holds && end >= 0 && span > 0;
    }
};

} // namespace

NvsKeys NvsKeys::generate()
{
    SecretBytes keys(Size);
    do {
        if (RAND_priv_bytes(keys.bytes(), int(keys.size())) != 1)
            throw Fault("internal.defect", {}, u"no random bytes"_s);
    } while (std::memcmp(keys.data(), keys.data() + Size / 2, Size / 2) == 0); // the cipher's two keys must differ
    return NvsKeys(std::move(keys));
}

bool NvsKeys::looksLikePartition(QByteArrayView bytes)
{
    return bytes.size() >= PartitionSize && bytes.size() <= NvsPartition::MaximumBytes && !isBlank(bytes.first(Size)) &&
           nvs::checksum(bytes.first(Size)) == word(bytes, Size) && isBlank(bytes.sliced(Size + 4));
}

NvsKeys NvsKeys::read(QByteArrayView bytes)
{
    if (bytes.size() != Size && !looksLikePartition(bytes))
        throw Fault("codec.nvs-keys",
                    {bytes.size() < PartitionSize ? u"it has %1 bytes, not 64 or 4096"_s.arg(bytes.size())
                                                  : u"its checksum does not hold"_s});
    return NvsKeys(SecretBytes::copyOf(bytes.first(Size)));
}

SecretBytes NvsKeys::partition() const
{
    SecretBytes out(PartitionSize);
    std::fill_n(out.data(), PartitionSize, '\xff');
    std::copy_n(m_keys.data(), Size, out.data());
    qToLittleEndian(nvs::checksum(m_keys), out.data() + Size);
    return out;
}

struct NvsCipher::Private {
    struct Freer {
        void operator()(EVP_CIPHER_CTX *context) const { EVP_CIPHER_CTX_free(context); }
    };
    std::unique_ptr<EVP_CIPHER_CTX, Freer> context{EVP_CIPHER_CTX_new()};
    bool encrypts = true;
};

NvsCipher::NvsCipher(const NvsKeys &keys, Direction direction) : d(std::make_unique<Private>())
{
    d->encrypts = direction == Direction::Encrypt;
    if (!d->context || EVP_CipherInit_ex(d->context.get(), EVP_aes_256_xts(), nullptr, keys.secret().bytes(), nullptr,
                                         d->encrypts ? 1 : 0) != 1)
        throw Fault("codec.nvs-keys", {u"the cipher does not take them"_s});
}

NvsCipher::~NvsCipher() = default;

void NvsCipher::run(char *entry, quint64 offset)
{
    std::array<unsigned char, 16> tweak{};
    qToLittleEndian(offset, tweak.data());
    std::array<unsigned char, NvsPartition::EntrySize> out{};
    int length = 0;
    if (EVP_CipherInit_ex(d->context.get(), nullptr, nullptr, nullptr, tweak.data(), -1) != 1 ||
        EVP_CipherUpdate(d->context.get(), out.data(), &length, reinterpret_cast<unsigned char *>(entry),
                         int(out.size())) != 1 ||
        length != int(out.size()))
        throw Fault("internal.defect", {}, u"AES-256-XTS"_s);
    std::memcpy(entry, out.data(), out.size());
    OPENSSL_cleanse(out.data(), out.size());
}

QString NvsPartition::toString(State state)
{
    static constexpr std::array names{"blank", "active", "full", "being freed", "corrupt", "unknown"};
    return QString::fromLatin1(names[size_t(state)]);
}

bool NvsPartition::looksLike(QByteArrayView bytes)
{
    if (bytes.size() < PageSize || bytes.size() % PageSize != 0 || bytes.size() > MaximumBytes)
        return false;
    for (qsizetype at = 0; at < bytes.size(); at += PageSize) {
        const QByteArrayView page = bytes.sliced(at, PageSize);
        if (isBlank(page))
            continue;
        const State state = stateOf(word(page, 0));
        return state != State::Unknown && state != State::Blank && headerHolds(page);
    }
    return false;
}

namespace {

// Reads the pages in the order of their sequence numbers.
class Reader
{
public:
    Reader(QByteArrayView bytes, const NvsKeys *keys, NvsPartition &out) : m_bytes(bytes), m_out(out)
    {
        if (keys)
            m_cipher.emplace(*keys, NvsCipher::Direction::Decrypt);
    }

    void run()
    {
        QList<qsizetype> order;
        for (qsizetype i = 0; i * NvsPartition::PageSize < m_bytes.size(); ++i) {
            m_out.pages << header(i);
            const NvsPartition::Page &page = m_out.pages.last();
            const bool counts = page.crcHolds &&
                                (page.state == NvsPartition::State::Active || page.state == NvsPartition::State::Full ||
                                 page.state == NvsPartition::State::Freeing);
            if (counts)
                order << i;
        }
        std::stable_sort(order.begin(), order.end(), [this](qsizetype a, qsizetype b) {
            return m_out.pages[a].sequence < m_out.pages[b].sequence;
        });
        for (const qsizetype page : std::as_const(order))
            readPage(page);
        finish();
    }

private:
    using Id = std::pair<quint8, QString>; // namespace and key
    struct Blob {
        QMap<int, QByteArray> chunks;
    };
    struct Raw {
        quint8 space = 0;
        QString key, type;
        QByteArray value;
    };

    void defect(const QString &what)
    {
        if (m_out.defects.size() < mostDefects && !m_out.defects.contains(what))
            m_out.defects << what;
    }

    NvsPartition::Page header(qsizetype index)
    {
        const QByteArrayView bytes = m_bytes.sliced(index * NvsPartition::PageSize, NvsPartition::PageSize);
        NvsPartition::Page page;
        page.state = stateOf(word(bytes, 0));
        if (page.state == NvsPartition::State::Blank) {
            if (!isBlank(bytes))
                defect(u"page %1 is blank in its header only"_s.arg(index));
            page.blank = NvsPartition::EntriesPerPage;
            return page;
        }
        page.crcHolds = headerHolds(bytes);
        if (!page.crcHolds || page.state == NvsPartition::State::Unknown)
            defect(u"the header of page %1 is damaged"_s.arg(index));
        page.sequence = word(bytes, 4);
        page.version = quint8(bytes[8]) == nvs::version2 ? 2 : 1;
        for (qsizetype i = 0; i < NvsPartition::EntriesPerPage; ++i) {
            const int state = entryState(bytes, i);
            page.written += state == nvs::writtenEntry;
            page.blank += state == nvs::blankEntry;
            page.erased += state != nvs::writtenEntry && state != nvs::blankEntry;
        }
        return page;
    }

    static int entryState(QByteArrayView page, qsizetype index)
    {
        return quint8(page[nvs::bitmapAt + index / 4]) >> (index % 4 * 2) & 3;
    }

    void readPage(qsizetype index)
    {
        const qsizetype begin = index * NvsPartition::PageSize;
        const QByteArrayView sealedPage = m_bytes.sliced(begin, NvsPartition::PageSize);
        QByteArray page = sealedPage.toByteArray();
        for (qsizetype i = 0; m_cipher && i < NvsPartition::EntriesPerPage; ++i) {
            const qsizetype at = NvsPartition::EntriesOffset + i * NvsPartition::EntrySize;
            if (entryState(sealedPage, i) == nvs::writtenEntry)
                m_cipher->run(page.data() + at, quint64(begin + at));
        }
        for (qsizetype i = 0; i < NvsPartition::EntriesPerPage;) {
            if (entryState(page, i) != nvs::writtenEntry) {
                ++i;
                continue;
            }
            const QByteArrayView rest =
                QByteArrayView(page).sliced(NvsPartition::EntriesOffset + i * NvsPartition::EntrySize);
            const Entry entry(rest.first(NvsPartition::EntrySize));
            ++m_seen;
            const bool fits = entry.holds && i + entry.span <= NvsPartition::EntriesPerPage;
            m_bad += fits ? 0 : 1;
            if (fits)
                take(entry, rest.sliced(NvsPartition::EntrySize, (entry.span - 1) * NvsPartition::EntrySize), index, i);
            else
                defect(u"entry %1 of page %2 is damaged"_s.arg(i).arg(index));
            i += fits ? entry.span : 1;
        }
        cleanse(page);
    }

    void take(const Entry &entry, QByteArrayView behind, qsizetype page, qsizetype index)
    {
        const auto damaged = [&] {
            defect(u"the value of \"%1\" (entry %2 of page %3) is damaged"_s.arg(entry.key).arg(index).arg(page));
        };
        const QString integer = nvs::integerName(entry.type);
        if (!integer.isEmpty()) {
            const QByteArray value = entry.data.first(entry.type & 0x0f);
            if (entry.space == 0) // names of namespaces
                m_spaces.insert(quint8(value[0]), entry.key);
            else
                put({entry.space, entry.key, integer, value});
            return;
        }
        if (entry.type == nvs::Blobindex) {
            m_indexes[{entry.space, entry.key}] = entry.data;
            return;
        }
        if (entry.type != nvs::String && entry.type != nvs::Blob && entry.type != nvs::Blobdata) {
            defect(u"entry %1 of page %2 is of the unknown type 0x%3"_s.arg(index).arg(page).arg(
                QString::number(entry.type, 16)));
            return;
        }
        const qsizetype size = qFromLittleEndian<quint16>(entry.data.constData());
        if (size > behind.size() || nvs::checksum(behind.first(size)) != word(entry.data, 4)) {
            damaged();
            return;
        }
        const QByteArray value = behind.first(size).toByteArray();
        if (entry.type != nvs::Blobdata) {
            put({entry.space, entry.key, entry.type == nvs::String ? u"string"_s : u"blob"_s, value});
            return;
        }
        if (!m_blobs.contains({entry.space, entry.key}))
            put({entry.space, entry.key, u"chunks"_s, {}}); // its place among the others
        m_blobs[{entry.space, entry.key}].chunks.insert(entry.chunk, value);
    }

    // The last one counts: the one before it was about to be erased.
    void put(const Raw &raw)
    {
        const Id id{raw.space, raw.key};
        if (const auto before = m_places.constFind(id); before != m_places.constEnd())
            m_raws[*before].type.clear();
        m_places.insert(id, m_raws.size());
        m_raws << raw;
    }

    std::optional<QByteArray> whole(const QByteArray &index, const Blob &blob) const
    {
        const qsizetype size = word(index, 0);
        const int count = quint8(index[4]), start = quint8(index[5]);
        QByteArray value;
        for (int i = 0; i < count; ++i) {
            const auto chunk = blob.chunks.constFind(start + i);
            if (chunk == blob.chunks.constEnd())
                return {};
            value += *chunk;
        }
        if (value.size() != size)
            return {};
        return value;
    }

    void finish()
    {
        m_out.sealed = m_seen > 0 && m_seen == m_bad;
        if (m_out.sealed) {
            m_out.defects.clear();
            return;
        }
        for (const QString &name : std::as_const(m_spaces))
            m_out.spaces << name;
        for (Raw &raw : m_raws) {
            if (raw.type.isEmpty())
                continue;
            if (raw.type == u"chunks") {
                const Id id{raw.space, raw.key};
                const auto value =
                    m_indexes.contains(id) ? whole(m_indexes.value(id), m_blobs.value(id)) : std::nullopt;
                if (!value) {
                    defect(u"blob \"%1\" is not whole"_s.arg(raw.key));
                    continue;
                }
                raw.type = u"blob"_s;
                raw.value = *value;
            }
            if (!m_spaces.contains(raw.space))
                defect(u"\"%1\" is in namespace %2, which has no name"_s.arg(raw.key).arg(raw.space));
            m_out.items << NvsPartition::Item{m_spaces.value(raw.space), raw.key, raw.type, raw.value.size(),
                                              raw.value};
        }
    }

    QByteArrayView m_bytes;
    NvsPartition &m_out;
    std::optional<NvsCipher> m_cipher;
    QMap<quint8, QString> m_spaces;
    QMap<Id, Blob> m_blobs;
    QMap<Id, QByteArray> m_indexes;
    QMap<Id, qsizetype> m_places; // in m_raws, of the one that counts
    QList<Raw> m_raws;
    qint64 m_seen = 0, m_bad = 0;
};

} // namespace

NvsPartition NvsPartition::parse(QByteArrayView bytes, const NvsKeys *keys)
{
    if (!looksLike(bytes))
        throw Fault("codec.nvs", {bytes.size() % PageSize != 0 ? u"its size is no multiple of 4096"_s
                                                               : u"it does not begin with one of its pages"_s});
    NvsPartition out;
    Reader(bytes, keys, out).run();
    return out;
}

const NvsPartition::Item *NvsPartition::find(const QString &space, const QString &key) const
{
    for (const Item &item : items) {
        if (item.space == space && item.key == key)
            return &item;
    }
    return nullptr;
}

} // namespace slipway
