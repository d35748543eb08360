import QtQuick
import Slipway

// Shows how much there is beyond what is seen of a Flickable, and where one is.
Rectangle {
    required property Flickable view

    x: view.contentX + view.width - width
    y: view.contentY + view.visibleArea.yPosition * view.height
    z: 1
    width: Theme.tiny
    height: view.visibleArea.heightRatio * view.height
    visible: view.visibleArea.heightRatio < 1
    radius: Theme.rule
    color: Theme.inkQuiet
}
