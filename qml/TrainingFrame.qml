import QtQuick
import Slipway

// Around and over the whole window in training: an amber hatched frame, and the word across the middle.
Item {
    id: frame

    property real inset: Theme.trainingFrame

    component Side: Rectangle {
        color: Theme.cautionFill

        Hatching {
            anchors.fill: parent
            color: Theme.cautionInk
            stripe: Theme.trainingStripe
            radius: 0
        }
    }

    Side {
        width: parent.width
        height: frame.inset
    }
    Side {
        y: parent.height - frame.inset
        width: parent.width
        height: frame.inset
    }
    Side {
        width: frame.inset
        height: parent.height
    }
    Side {
        x: parent.width - frame.inset
        width: frame.inset
        height: parent.height
    }

    Text {
        objectName: "watermark"
        anchors.centerIn: parent
        rotation: -18
        text: qsTr("TRAINING")
        color: Theme.ink
        opacity: Theme.watermark
        font: Theme.sans(frame.width / 6, Font.Black)
        Accessible.ignored: true
    }
}
