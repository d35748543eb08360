#include "drivers/smp/smperrors.h"

#include <span>

namespace slipway {

namespace {

constexpr const char *common[] = {
    "no error",
    "it does not say why",
    "it is out of memory",
    "it finds a value in the request wrong",
    "it took too long over it",
    "it has no such thing",
    "its state does not allow it now",
    "the answer would be too large",
    "it does not know this command",
    "its data is damaged",
    "it is busy with another command",
    "it denies the access",
    "it wants a newer protocol version",
    "it wants an older protocol version",
};

constexpr const char *os[] = {
    "no error",
    "it does not say why",
    "the format asked for is not valid",
    "it has no answer to that",
    "its clock is not set",
    "its clock does not work",
    "it knows no valid value",
};

constexpr const char *image[] = {
    "no error",
    "it does not say why",
    "it cannot ask its flash",
    "there is no image in the slot",
    "the image in the slot has no trailer",
    "the image in the slot has a damaged trailer",
    "the image in the slot has several hashes",
    "the image in the slot has a trailer of wrong size",
    "there is no image with this hash",
    "there is no free slot",
    "it cannot open its flash",
    "it cannot read its flash",
    "it cannot write its flash",
    "it cannot erase its flash",
    "there is no such slot",
    "it is out of memory",
    "its flash is in use already",
    "its flash is not ready",
    "its flash has no driver",
    "a flash page lies outside the slot",
    "the request has no offset",
    "the request has no length",
    "the image is shorter than its header",
    "it is no firmware image (wrong magic)",
    "the hash is not valid",
    "the image is made for another address",
    "it cannot tell the version that runs",
    "the version that runs is newer",
    "another image waits to be started",
    "the image has no valid vector table",
    "the image is too large for the slot",
    "more data came than the image has",
    "it does not allow this image to be confirmed",
    "the running image cannot be set to test",
    "it cannot tell which slot runs",
};

constexpr const char *stat[] = {
    "no error",
    "it does not say why",
    "there is no such group of statistics",
    "there is no such statistic",
    "a statistic has a size that it cannot handle",
    "reading the statistics was broken off",
};

constexpr const char *settings[] = {
    "no error",
    "it does not say why",
    "the name of the setting is too long",
    "there is no such setting",
    "this setting cannot be read",
    "there are no settings under this root",
    "this setting cannot be written",
    "this setting cannot be deleted",
    "this setting cannot be saved",
};

constexpr const char *fs[] = {
    "no error",
    "it does not say why",
    "the file name is not valid",
    "there is no such file",
    "it is a folder, not a file",
    "it cannot open the file",
    "it cannot seek in the file",
    "it cannot read the file",
    "it cannot cut the file",
    "it cannot delete the file",
    "it cannot write the file",
    "the offset does not fit the file",
    "the offset is behind the end of the file",
    "it cannot compute this hash",
    "there is no such mount point",
    "the file system is read-only",
    "the file is empty",
};

constexpr const char *shell[] = {
    "no error",
    "it does not say why",
    "the command is too long",
    "there is no command",
};

constexpr const char *enumeration[] = {
    "no error",
    "it does not say why",
    "too many groups were asked for",
    "it is out of memory",
    "there are not so many groups",
};

constexpr const char *basic[] = {
    "no error",
    "it does not say why",
    "it cannot open its flash",
    "it cannot ask its flash",
    "it cannot erase its flash",
};

std::span<const char *const> table(std::optional<quint16> group)
{
    if (!group)
        return common;
    switch (*group) {
    case smp::Os:
        return os;
    case smp::Image:
        return image;
    case smp::Stat:
        return stat;
    case smp::Settings:
        return settings;
    case smp::Fs:
        return fs;
    case smp::ShellGroup:
        return shell;
    case smp::Enumeration:
        return enumeration;
    case smp::Basic:
        return basic;
    default:
        return {};
    }
}

} // namespace

bool SmpError::isNoMemory() const
{
    return group ? (*group == smp::Image && rc == 15) : rc == smp::RcNoMemory;
}

bool SmpError::isNotFound() const
{
    if (!group)
        return rc == smp::RcNoEntry;
    return (*group == smp::Settings && (rc == 3 || rc == 5)) || (*group == smp::Fs && (rc == 3 || rc == 14));
}

QString SmpError::text() const
{
    const auto words = table(group);
    QString out;
    if (rc >= 0 && static_cast<size_t>(rc) < words.size())
        out = QString::fromLatin1(words[static_cast<size_t>(rc)]);
    else if (!group && rc >= 256)
        out = QStringLiteral("its own error %1").arg(rc);
    else
        out = group ? QStringLiteral("error %1 of group %2").arg(rc).arg(*group) : QStringLiteral("error %1").arg(rc);
    if (!reason.isEmpty())
        out += QStringLiteral(" (\"%1\")").arg(reason);
    return out;
}

QString SmpError::number() const
{
    return group ? QStringLiteral("err %1/%2").arg(*group).arg(rc) : QStringLiteral("rc %1").arg(rc);
}

} // namespace slipway
