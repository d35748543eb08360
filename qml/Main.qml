import QtQuick
import Slipway

// The window: what stands before the line, or the line with its strips. Keys that no control takes go to the key table.
Window {
    id: window

    required property ShellViewModel shell
    property bool dark: false
    property real textScale: 1
    readonly property LineViewModel line: shell.line
    readonly property bool training: line !== null && line.training

    title: line ? qsTr("%1 – Slipway").arg(line.stationName) : qsTr("Slipway")
    color: Theme.ground
    minimumWidth: 800
    minimumHeight: 560

    onClosing: close => {
        if (line && !line.mayClose())
            close.accepted = false;
    }

    Binding {
        target: Theme
        property: "dark"
        value: window.dark
    }
    Binding {
        target: Theme
        property: "textScale"
        value: window.textScale
    }

    FocusScope {
        id: root

        anchors.fill: parent
        focus: true
        Keys.onPressed: event => {
            if (window.shell.keys)
                event.accepted = window.shell.keys.press(event.key, event.modifiers, event.text);
        }

        Loader {
            anchors.fill: parent
            focus: true
            sourceComponent: {
                if (window.shell.stage === ShellViewModel.Line)
                    return linePart;
                if (window.shell.desk.wanted)
                    return secretPart;
                switch (window.shell.stage) {
                case ShellViewModel.Recipes: return recipePart;
                case ShellViewModel.InterruptedRuns: return interruptedPart;
                default: return startPart;
                }
            }
        }

        TrainingFrame {
            objectName: "trainingFrame"
            anchors.fill: parent
            visible: window.training
        }
    }

    Component {
        id: startPart

        StartPage {
            objectName: "startPage"
            focus: true
            shell: window.shell
        }
    }

    Component {
        id: secretPart

        SecretPage {
            objectName: "secretPage"
            focus: true
            desk: window.shell.desk
        }
    }

    Component {
        id: recipePart

        RecipePage {
            objectName: "recipePage"
            focus: true
            shell: window.shell
        }
    }

    Component {
        id: interruptedPart

        InterruptedPage {
            objectName: "interruptedPage"
            focus: true
            shell: window.shell
        }
    }

    Component {
        id: linePart

        FocusScope {
            id: whole

            readonly property real inset: window.training ? Theme.trainingFrame : 0
            // The help stands beside the places; where the window is too small for both, over them.
            readonly property real beside: sheet.visible && width - sheet.width > Theme.narrow * 0.7 ? sheet.width : 0

            focus: true

            TopStrip {
                id: top

                objectName: "topStrip"
                x: whole.inset
                y: whole.inset
                width: parent.width - whole.inset * 2
                height: implicitHeight
                line: window.line
            }

            LinePage {
                id: linePage

                objectName: "linePage"
                x: whole.inset + Theme.wideSpace
                y: top.y + top.height + margin
                width: parent.width - x * 2 - whole.beside
                height: (said.visible ? said.y : notice.y) - y - margin
                readonly property real margin: dense ? Theme.tileGap : Theme.tileGap + Theme.tiny
                visible: window.line.page === LineViewModel.LinePage
                focus: visible
                line: window.line
            }

            PlaceLine {
                id: said

                objectName: "placeLine"
                x: linePage.x
                y: notice.y - height - Theme.tileGap
                width: linePage.width
                height: implicitHeight
                visible: linePage.visible && linePage.dense
                place: window.line.selectedPlace
            }

            RunPage {
                id: runPage

                objectName: "runPage"
                x: whole.inset
                y: top.y + top.height
                width: parent.width - x * 2 - whole.beside
                height: notice.y - y
                visible: window.line.page === LineViewModel.RunPage
                focus: visible
                line: window.line
            }

            SecretStrip {
                id: secret

                objectName: "secretStrip"
                x: whole.inset
                y: bottom.y - height
                width: parent.width - x * 2
                height: implicitHeight
                desk: window.shell.desk
                onDone: whole.takeFocus()
                onVisibleChanged: if (visible && window.line.issuerShut) takeFocus()
            }

            NoticeStrip {
                id: notice

                objectName: "noticeStrip"
                x: whole.inset
                y: secret.y - height
                width: parent.width - x * 2
                height: implicitHeight
                sentence: window.line.notice
                remedy: window.line.noticeRemedy
                trouble: window.line.noticeIsTrouble
                onDismissed: {
                    window.line.dismissNotice();
                    whole.takeFocus();
                }
            }

            BottomStrip {
                id: bottom

                objectName: "bottomStrip"
                x: whole.inset
                y: parent.height - height - whole.inset
                width: parent.width - x * 2
                height: implicitHeight
                line: window.line
            }

            HelpSheet {
                id: sheet

                objectName: "helpSheet"
                x: parent.width - width - whole.inset
                y: top.y + top.height
                height: notice.y - y
                visible: window.line.helpOpen
                entries: window.shell.keys.help
                onClosed: {
                    window.line.setHelpOpen(false);
                    whole.takeFocus();
                }
            }

            function takeFocus(): void {
                if (linePage.visible)
                    linePage.takeFocus();
                else
                    runPage.takeFocus();
            }

            Connections {
                target: window.line

                function onScanEntryOpenChanged(): void {
                    if (!window.line.scanEntryOpen)
                        whole.takeFocus();
                }
                function onHelpOpenChanged(): void {
                    if (!window.line.helpOpen)
                        whole.takeFocus();
                }
            }
        }
    }
}
