import QtQuick
import Slipway

// The station asks for a PIN or a passphrase before the line is there.
PagePanel {
    id: page

    required property SecretDesk desk

    headline: qsTr("The station needs %1.").arg(desk.what)
    advice: qsTr("It is written nowhere. Without it the station opens all the same, but units that need a certificate end as ERROR.")

    function takeFocus(): void {
        entry.takeFocus();
    }

    Component.onCompleted: takeFocus()

    SecretEntry {
        id: entry

        width: parent.width
        label: page.desk.what
        complaint: page.desk.complaint
        onGiven: typed => page.desk.give(typed)
        onRefused: page.desk.refuse()
    }
}
