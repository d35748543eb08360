import QtQuick
import Slipway

// A measurement on its limits: track, allowed band (darker within the marginal limits), a mark where the value stands.
Item {
    id: scale

    property real bandFrom
    property real bandTo
    property real sureFrom
    property real sureTo
    property real at
    property bool passed

    implicitWidth: Theme.scaleWidth
    implicitHeight: Theme.scaleMark

    Rectangle {
        y: (parent.height - height) / 2
        width: parent.width
        height: Theme.scaleHeight
        radius: Theme.rule
        color: Theme.track
    }

    Rectangle {
        x: parent.width * scale.bandFrom
        y: (parent.height - height) / 2
        width: parent.width * (scale.bandTo - scale.bandFrom)
        height: Theme.scaleHeight
        color: Theme.passBand
    }

    Rectangle {
        x: parent.width * scale.sureFrom
        y: (parent.height - height) / 2
        width: parent.width * (scale.sureTo - scale.sureFrom)
        height: Theme.scaleHeight
        visible: scale.sureFrom > scale.bandFrom || scale.sureTo < scale.bandTo
        color: Theme.passBandSure
    }

    Rectangle {
        objectName: "mark"
        x: parent.width * scale.at - width / 2
        width: Theme.tiny
        height: parent.height
        radius: Theme.hair
        color: scale.passed ? Theme.ink : Theme.fail
    }
}
