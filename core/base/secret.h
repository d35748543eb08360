#pragma once
// Private keys and seeds on their way through the station. SecretBytes lie in OpenSSL's secure heap: locked into memory
// (never in swap), left out of core dumps, cleansed when they go. The heap is made at the first use and takes 512 KiB,
// or 32 KiB where the computer lets a user lock no more.
//
// What a driver copies while it sends a secret (frames, their base64, a console's line) lies outside that heap.
// SecretSweep stands around such a transfer: it keeps core dumps off, and at its end overwrites what is left of the
// secret in this process's memory, be it raw, base64 or hex, whole or in pieces of 8 bytes (base64: 12 characters).
//
// Throws base.no-secret-memory when the heap is used up.

#include <QByteArray>
#include <QByteArrayView>

namespace slipway {

class SecretBytes
{
public:
    SecretBytes() = default;
    explicit SecretBytes(qsizetype size); // of zeros
    static SecretBytes copyOf(QByteArrayView bytes);
    SecretBytes(SecretBytes &&other) noexcept;
    SecretBytes &operator=(SecretBytes &&other) noexcept;
    SecretBytes(const SecretBytes &) = delete;
    SecretBytes &operator=(const SecretBytes &) = delete;
    ~SecretBytes();

    char *data() { return m_data; }
    const char *data() const { return m_data; }
    unsigned char *bytes() { return reinterpret_cast<unsigned char *>(m_data); }
    const unsigned char *bytes() const { return reinterpret_cast<const unsigned char *>(m_data); }
    qsizetype size() const { return m_size; }
    bool isEmpty() const { return m_size == 0; }
    QByteArrayView view() const { return {m_data, m_size}; }
    operator QByteArrayView() const { return view(); } // NOLINT(google-explicit-constructor)
    // Without a copy; must not outlive this, and must not be changed.
    QByteArray borrowed() const { return QByteArray::fromRawData(m_data, m_size); }
    void append(QByteArrayView more);
    void truncate(qsizetype size);
    void clear();

    // Whether the heap is locked into memory. False where the computer refuses; secrets may then be swapped.
    static bool locked();

private:
    char *m_data = nullptr;
    qsizetype m_size = 0;
};

// Base64 without line ends.
SecretBytes secretBase64(QByteArrayView secret);
// PEM with lines of 64 characters: "PRIVATE KEY".
SecretBytes secretPem(const char *label, const SecretBytes &der);

class SecretSweep
{
public:
    // At least 16 bytes, which must outlive this; of a key the number itself, not its DER.
    explicit SecretSweep(const SecretBytes &secret);
    ~SecretSweep(); // sweeps
    SecretSweep(const SecretSweep &) = delete;
    SecretSweep &operator=(const SecretSweep &) = delete;

    // Overwrites now what is left; how many pieces that were.
    qsizetype sweep() const;

private:
    const SecretBytes &m_secret;
};

} // namespace slipway
