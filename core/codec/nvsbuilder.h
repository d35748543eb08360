#pragma once
// Builds a partition of ESP-IDF's non-volatile storage (see nvspartition.h) as Espressif's generator does, byte for
// byte, with blobs over several pages (version 2), plain or encrypted. The last page stays blank, as NVS needs it; a
// partition of less than 3 pages has none to spare and can only be read by the device.
//
// Values pass through ordinary memory: what is secret among them is for the caller to cleanse, with the pages.
// Throws codec.nvs-build for what cannot be stored, codec.csv.

#include "core/codec/nvspartition.h"

#include <functional>
#include <optional>

namespace slipway {

class NvsBuilder
{
public:
    // size: of the partition, a multiple of 4096. keys: null for one that is not encrypted.
    explicit NvsBuilder(qsizetype size, const NvsKeys *keys = nullptr);
    ~NvsBuilder();

    // What follows belongs to this namespace; one that was there before goes on.
    void space(const QString &name);
    // encoding: u8 i8 u16 i16 u32 i32 u64 i64 (decimal), string, hex2bin, base64, binary. value: as in a CSV file.
    void add(const QString &key, const QString &encoding, QByteArrayView value);
    // All pages. The builder is done with it.
    QByteArray finish();

    // The CSV file of Espressif's generator: key,type,encoding,value, the types namespace, data, file.
    // expand: replaces variables in values of type data; may be empty. file: content for type file.
    static QByteArray fromCsv(QByteArrayView csv, qsizetype size, const NvsKeys *keys,
                              const std::function<QByteArray(const QString &)> &file,
                              const std::function<QByteArray(const QByteArray &)> &expand = {});

private:
    struct Private;
    std::unique_ptr<Private> d;
};

} // namespace slipway
