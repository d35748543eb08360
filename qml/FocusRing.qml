import QtQuick
import Slipway

// Where keys go: a ring outside the item that has the focus.
Rectangle {
    property bool shown: parent ? parent.activeFocus : false
    property color tint: Theme.act

    anchors.fill: parent
    anchors.margins: -(Theme.ring + Theme.rule)
    visible: shown
    color: Theme.clear
    radius: Theme.radius + Theme.ring
    border.width: Theme.ring
    border.color: tint
}
