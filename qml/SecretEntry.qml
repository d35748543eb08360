import QtQuick
import QtQuick.Templates as T
import Slipway

// A PIN or a passphrase, typed blind: what was wrong with the one before, the field, and a way out. Enter gives it, Esc
// does not.
Column {
    id: part

    property string label
    property string complaint
    property string verb: qsTr("Open")
    property bool canRefuse: true
    property color paper: Theme.ground

    signal given(string typed)
    signal refused

    spacing: Theme.space

    function takeFocus(): void {
        field.forceActiveFocus();
    }

    function send(): void {
        const typed = field.text;
        field.clear();
        if (typed !== "")
            part.given(typed);
        else
            field.forceActiveFocus();
    }

    Row {
        width: parent.width
        spacing: Theme.gap
        visible: part.complaint !== ""
        Accessible.role: Accessible.AlertMessage
        Accessible.name: part.complaint

        Glyph {
            id: mark

            width: Theme.lead * 1.4
            height: width
            kind: "error"
            color: Theme.cautionInk
            plate: Theme.cautionFill
            plateEdge: Theme.caution
        }

        Text {
            objectName: "secretComplaint"
            anchors.verticalCenter: mark.verticalCenter
            width: parent.width - mark.width - Theme.gap
            text: part.complaint
            color: Theme.ink
            font: Theme.sans(Theme.body, Font.DemiBold)
            wrapMode: Text.Wrap
        }
    }

    Flow {
        width: parent.width
        spacing: Theme.space

        EntryField {
            id: field

            objectName: "secret"
            width: Math.min(Theme.entryWidth, part.width)
            label: part.label
            echoMode: T.TextField.Password
            inputMethodHints: Qt.ImhHiddenText | Qt.ImhSensitiveData | Qt.ImhNoPredictiveText | Qt.ImhNoAutoUppercase
            maximumLength: 1024
            onAccepted: part.send()
            Keys.onEscapePressed: event => {
                field.clear();
                event.accepted = part.canRefuse;
                if (part.canRefuse)
                    part.refused();
            }
        }

        ActionButton {
            objectName: "secretGive"
            text: part.verb
            keyName: qsTr("Enter")
            primary: true
            paper: part.paper
            onClicked: part.send()
        }

        ActionButton {
            objectName: "secretRefuse"
            visible: part.canRefuse
            text: qsTr("Not now")
            keyName: qsTr("Esc")
            paper: part.paper
            onClicked: {
                field.clear();
                part.refused();
            }
        }
    }
}
