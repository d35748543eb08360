#pragma once
// JSON (RFC 8259) with the line of every value, for files that people write and are told about: Qt's reader forgets
// where things stood. Strict: UTF-8 without byte order mark, nothing behind the value, no comments, no lone surrogates;
// bounded in bytes, depth and number of values. Members keep their order and numbers their text, so that nothing is
// rounded. A name that stands twice in an object (RFC 8259 section 4, RFC 7493 section 2.3) is kept and listed: who
// reads decides what it means. Throws JsonError.

#include <QByteArrayView>
#include <QString>
#include <QStringView>

#include <optional>
#include <vector>

namespace slipway {

struct JsonError {
    int line = 1;   // from 1; LF, CR LF and CR alone end a line
    int column = 1; // from 1, in characters
    QString reason; // a clause without subject: "a comma is missing"
};

struct JsonMember;

struct JsonValue {
    enum class Kind { Null, Boolean, Number, String, Array, Object };

    Kind kind = Kind::Null;
    bool boolean = false;            // Boolean
    int line = 0;                    // where it begins
    QString text;                    // String: its characters; Number: as it is written
    std::vector<JsonValue> items;    // Array
    std::vector<JsonMember> members; // Object, in the order of the file

    bool isNull() const { return kind == Kind::Null; }
    bool isString() const { return kind == Kind::String; }
    bool isNumber() const { return kind == Kind::Number; }
    bool isBoolean() const { return kind == Kind::Boolean; }
    bool isArray() const { return kind == Kind::Array; }
    bool isObject() const { return kind == Kind::Object; }
    // The first member of that name, or null.
    const JsonMember *find(QStringView name) const;
    // A number without fraction that fits, however it is written (48, 48.0, 4.8e1); nothing otherwise.
    std::optional<qint64> integer() const;
    // "a string", "an object" ...: for sentences.
    QString kindText() const;
    // As compact JSON, members in their order and numbers as they were written.
    QByteArray toJson() const;
};

struct JsonMember {
    QString name;
    int line = 0; // of the name
    JsonValue value;
};

struct JsonDuplicate {
    QString pointer; // of the object, RFC 6901: "/ietf-mud:mud/from-device-policy"
    QString name;
    int line = 0;      // of the second one
    int firstLine = 0; // of the one before
};

struct JsonLimits {
    qsizetype bytes = 4 * 1024 * 1024;
    int depth = 64;
    qsizetype values = 500'000;
};

struct JsonDocument {
    JsonValue root;
    std::vector<JsonDuplicate> duplicates;
};

JsonDocument readJson(QByteArrayView bytes, const JsonLimits &limits = {});

} // namespace slipway
