import QtQuick
import Slipway

// The name of a key, framed.
Rectangle {
    id: cap

    property alias text: label.text
    property alias ink: label.color

    implicitWidth: Math.max(label.implicitWidth + Theme.gap * 2, implicitHeight)
    implicitHeight: label.implicitHeight + Theme.tiny
    color: Theme.clear
    radius: Theme.smallRadius
    border.width: Theme.hair
    border.color: label.color

    Text {
        id: label

        anchors.centerIn: parent
        color: Theme.ink
        font: Theme.sans(Theme.caption, Font.DemiBold)
    }
}
