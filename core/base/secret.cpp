#include "core/base/secret.h"

#include "core/base/fault.h"

#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

namespace slipway {

namespace {

// What CRYPTO_secure_malloc_init() says: 1 as wanted, 2 made but not locked, 0 not made.
bool makeHeap()
{
    constexpr size_t smallestPiece = 32;
    for (const size_t size : {size_t(512) * 1024, size_t(32) * 1024}) {
        if (CRYPTO_secure_malloc_initialized() == 1)
            return true; // somebody else made it
        const int made = CRYPTO_secure_malloc_init(size, smallestPiece);
        if (made == 1)
            return true;
        // Not locked: a smaller one may be. The last one is kept, locked or not; it is cleansed all the same.
        if (made == 2 && size > size_t(32) * 1024)
            CRYPTO_secure_malloc_done();
    }
    return false;
}

char *allocate(qsizetype size)
{
    SecretBytes::locked(); // makes the heap
    auto *memory = static_cast<char *>(OPENSSL_secure_zalloc(size_t(size)));
    if (!memory)
        throw Fault("base.no-secret-memory");
    return memory;
}

constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

} // namespace

bool SecretBytes::locked()
{
    static const bool good = makeHeap();
    return good;
}

SecretBytes::SecretBytes(qsizetype size)
    : m_data(size > 0 ? allocate(size) : nullptr), m_size(std::max<qsizetype>(0, size))
{}

SecretBytes SecretBytes::copyOf(QByteArrayView bytes)
{
    SecretBytes copy(bytes.size());
    if (!bytes.isEmpty())
        std::memcpy(copy.m_data, bytes.data(), size_t(bytes.size()));
    return copy;
}

SecretBytes::SecretBytes(SecretBytes &&other) noexcept
    : m_data(std::exchange(other.m_data, nullptr)), m_size(std::exchange(other.m_size, 0))
{}

SecretBytes &SecretBytes::operator=(SecretBytes &&other) noexcept
{
    if (this != &other) {
        clear();
        m_data = std::exchange(other.m_data, nullptr);
        m_size = std::exchange(other.m_size, 0);
    }
    return *this;
}

SecretBytes::~SecretBytes()
{
    clear();
}

void SecretBytes::clear()
{
    OPENSSL_secure_clear_free(m_data, size_t(m_size));
    m_data = nullptr;
    m_size = 0;
}

void SecretBytes::append(QByteArrayView more)
{
    if (more.isEmpty())
        return;
    SecretBytes longer(m_size + more.size());
    if (m_size > 0)
        std::memcpy(longer.m_data, m_data, size_t(m_size));
    std::memcpy(longer.m_data + m_size, more.data(), size_t(more.size()));
    *this = std::move(longer);
}

void SecretBytes::truncate(qsizetype size)
{
    if (size < m_size)
        *this = copyOf(view().first(std::max<qsizetype>(0, size)));
}

SecretBytes secretBase64(QByteArrayView secret)
{
    SecretBytes out((secret.size() + 2) / 3 * 4);
    char *to = out.data();
    for (qsizetype i = 0; i < secret.size(); i += 3) {
        const auto left = secret.size() - i;
        const quint32 three = quint32(quint8(secret[i])) << 16 | (left > 1 ? quint32(quint8(secret[i + 1])) << 8 : 0) |
                              (left > 2 ? quint32(quint8(secret[i + 2])) : 0);
        *to++ = digits[three >> 18 & 63];
        *to++ = digits[three >> 12 & 63];
        *to++ = left > 1 ? digits[three >> 6 & 63] : '=';
        *to++ = left > 2 ? digits[three & 63] : '=';
    }
    return out;
}

SecretBytes secretPem(const char *label, const SecretBytes &der)
{
    constexpr qsizetype line = 64;
    const QByteArray head = QByteArray("-----BEGIN ") + label + "-----\n",
                     foot = QByteArray("-----END ") + label + "-----\n";
    const SecretBytes text = secretBase64(der);
    SecretBytes out(head.size() + text.size() + (text.size() + line - 1) / line + foot.size());
    char *to = std::copy(head.begin(), head.end(), out.data());
    for (qsizetype at = 0; at < text.size(); at += line) {
        const auto some = std::min(line, text.size() - at);
        to = std::copy_n(text.data() + at, some, to);
        *to++ = '\n';
    }
    std::copy(foot.begin(), foot.end(), to);
    return out;
}

namespace {

struct Range {
    quintptr begin = 0, end = 0;
    bool overlaps(quintptr from, quintptr to) const { return from < end && to > begin; }
};

Range rangeOf(const void *begin, size_t size)
{
    const auto at = reinterpret_cast<quintptr>(begin);
    return {at, at + size};
}

// The forms in which pieces of a secret may lie about. All of them in one secret block, so that the search leaves no
// traces of its own.
class Pieces
{
public:
    explicit Pieces(QByteArrayView secret)
    {
        constexpr qsizetype raw = 8, base64 = 12, hexDigits = 16;
        const SecretBytes lower = hexOf(secret, 'a'), upper = hexOf(secret, 'A');
        add(secret, raw, 0, secret.size());
        add(lower, hexDigits, 0, lower.size());
        add(upper, hexDigits, 0, upper.size());
        for (qsizetype phase = 0; phase < 3; ++phase) {
            SecretBytes shifted(phase + secret.size());
            std::copy(secret.begin(), secret.end(), shifted.data() + phase);
            const SecretBytes text = secretBase64(shifted);
            // Only characters that the secret alone decides.
            add(text, base64, (phase * 8 + 5) / 6, (phase + secret.size()) * 8 / 6);
        }
        for (const Piece &piece : m_pieces)
            m_begins.set(begin(m_text.data() + piece.at));
    }

    qsizetype longest() const { return 16; }
    Range place() const { return rangeOf(m_text.data(), size_t(m_text.size())); }
    // How many bytes at that place are a piece, 0: none.
    qsizetype matches(const char *at, qsizetype left) const
    {
        if (!m_begins.test(begin(at)))
            return 0;
        for (const Piece &piece : m_pieces) {
            if (piece.size <= left && std::memcmp(m_text.data() + piece.at, at, size_t(piece.size)) == 0)
                return piece.size;
        }
        return 0;
    }

private:
    struct Piece {
        qsizetype at, size;
    };
    static size_t begin(const char *at) { return size_t(quint8(at[0])) << 8 | quint8(at[1]); }
    static SecretBytes hexOf(QByteArrayView secret, char ten)
    {
        SecretBytes out(secret.size() * 2);
        for (qsizetype i = 0; i < secret.size(); ++i) {
            for (const int half : {0, 1}) {
                const int value = half ? quint8(secret[i]) & 15 : quint8(secret[i]) >> 4;
                out.data()[2 * i + half] = char(value < 10 ? '0' + value : ten + value - 10);
            }
        }
        return out;
    }
    void add(QByteArrayView text, qsizetype size, qsizetype from, qsizetype to)
    {
        const qsizetype at = m_text.size();
        m_text.append(text);
        for (qsizetype i = from; i + size <= to; ++i) {
            // Zeros and the like lie about everywhere.
            const QByteArrayView piece = text.sliced(i, size);
            if (std::count(piece.begin(), piece.end(), piece.front()) <= size / 2)
                m_pieces.push_back({at + i, size});
        }
    }

    SecretBytes m_text;
    std::vector<Piece> m_pieces;
    std::bitset<65536> m_begins;
};

// Memory of this process that can be written and is its own.
std::vector<Range> ownMemory()
{
    std::vector<Range> out;
    const std::unique_ptr<FILE, int (*)(FILE *)> maps(std::fopen("/proc/self/maps", "re"), std::fclose);
    std::array<char, 4096> line{};
    while (maps && std::fgets(line.data(), int(line.size()), maps.get())) {
        unsigned long begin = 0, end = 0;
        std::array<char, 5> rights{};
        if (std::sscanf(line.data(), "%lx-%lx %4s", &begin, &end, rights.data()) == 3 && rights[0] == 'r' &&
            rights[1] == 'w' && rights[3] == 'p')
            out.push_back({quintptr(begin), quintptr(end)});
    }
    return out;
}

} // namespace

SecretSweep::SecretSweep(const SecretBytes &secret) : m_secret(secret)
{
    // For good: what was secret once may lie in the memory of a library still.
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

SecretSweep::~SecretSweep()
{
    try {
        sweep();
    } catch (...) { // no memory for it: what is left stays until the process ends
    }
}

// Through process_vm_readv and _writev, which say no where another thread has unmapped a range meanwhile.
qsizetype SecretSweep::sweep() const
{
    constexpr size_t chunk = size_t(256) * 1024;
    if (m_secret.size() < 16)
        return 0;
    const Pieces pieces(m_secret.view());
    const auto buffer = std::make_unique<std::array<char, chunk>>();
    const std::array keep{rangeOf(m_secret.data(), size_t(m_secret.size())), pieces.place(),
                          rangeOf(buffer->data(), buffer->size())};
    const auto kept = [&keep](quintptr from, quintptr to) {
        return std::any_of(keep.begin(), keep.end(), [=](const Range &range) { return range.overlaps(from, to); });
    };
    static const std::array<char, 16> nothing{};
    qsizetype found = 0;
    for (const Range &range : ownMemory()) {
        for (quintptr at = range.begin; at < range.end;) {
            const size_t wanted = std::min<size_t>(chunk, range.end - at);
            const iovec local{buffer->data(), wanted};
            const iovec remote{reinterpret_cast<void *>(at), wanted};
            const ssize_t got = ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0);
            if (got < 2) {
                at += wanted;
                continue;
            }
            const auto size = qsizetype(got);
            for (qsizetype i = 0; i + 1 < size; ++i) {
                const qsizetype length = pieces.matches(buffer->data() + i, size - i);
                const quintptr place = at + quintptr(i);
                if (length == 0 || kept(place, place + quintptr(length)))
                    continue;
                const iovec zeros{const_cast<char *>(nothing.data()), size_t(length)}; // only read from
                const iovec target{reinterpret_cast<void *>(place), size_t(length)};
                if (::process_vm_writev(::getpid(), &zeros, 1, &target, 1, 0) == ssize_t(length))
                    ++found;
            }
            // A piece may lie across the end of a chunk.
            const bool last = at + quintptr(size) >= range.end || size_t(size) < wanted;
            at = last ? at + wanted : at + quintptr(size - pieces.longest());
        }
    }
    OPENSSL_cleanse(buffer->data(), buffer->size());
    return found;
}

} // namespace slipway
