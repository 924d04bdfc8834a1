"""Reports and other mails as many systems write them: what each is, about whom, and why. All written by this project."""

# ruff: noqa: E501, RUF001 mails are easier to compare unfolded, and speak many languages

import pytest

from bounce.report import read
from tests.bounce.mails import mail

UTF8 = "Content-Type: text/plain; charset=utf-8"

BOUNCES = {
    "domino": (
        "Your message\n\n  Subject: Invoice\n\nwas not delivered to:\n\n  ann@customer.example\n\nbecause:\n\n  User ann (ann@customer.example) not listed in Domino Directory\n",
        {
            "sender": "postmaster@customer.example",
            "subject": "DELIVERY FAILURE: User ann (ann@customer.example) not listed in Domino Directory",
        },
        "no_such_user",
    ),
    "groupwise": (
        "The message that you sent was undeliverable to the following:\n\tann@customer.example (user not found)\n\nPossibly truncated original message follows:\n\nDear\n",
        {"sender": "Mailer-Daemon@gw.customer.example", "subject": "Message status - undeliverable"},
        "no_such_user",
    ),
    "yahoo": (
        "Sorry, we were unable to deliver your message to the following address.\n\n<ann@customer.example>:\nRemote host said: 554 delivery error: dd Sorry, your message to ann@customer.example cannot be delivered. This account has been disabled or discontinued [#102]. [RCPT_TO]\n\n--- Below this line is a copy of the message.\n",
        {"sender": "MAILER-DAEMON@yahoo.com", "subject": "Failure Notice"},
        "account_disabled",
    ),
    "mdaemon": (
        "The following addresses had delivery problems:\n\n ann@customer.example\n   Permanent error (code 5.1.1)\n\n : Message contains [1] file attachments\nSession Transcript:\n Tue 2024-03-05 10:00:00: --> RCPT To:<ann@customer.example>\n Tue 2024-03-05 10:00:00: <-- 550 5.1.1 <ann@customer.example>... User unknown\n",
        {
            "sender": "MDaemon@customer.example",
            "subject": "WARNING: user@customer.example - Permanent Delivery Failure",
        },
        "no_such_user",
    ),
    "hmail": (
        "Your message did not reach some or all of the intended recipients.\n\n   Sent: Tue, 5 Mar 2024\n   Subject: Invoice\n\nThe following recipient(s) could not be reached:\n\n   ann@customer.example\n   Error Type: SMTP\n   Remote server (192.0.2.1) issued an error.\n   hMailServer sent: RCPT TO:<ann@customer.example>\n   Remote server replied: 550 5.1.1 unknown user\n\nhMailServer\n",
        {"sender": "mailer-daemon@customer.example", "subject": "Message undeliverable: Invoice"},
        "no_such_user",
    ),
    "cgp": (
        "Failed to deliver to '<ann@customer.example>'\nSMTP module(domain customer.example) reports:\n host mx.customer.example says:\n 552 5.2.2 mailbox is over quota\n",
        {"sender": "MAILER-DAEMON@cgp.example", "subject": "Undeliverable mail: Invoice"},
        "mailbox_full",
    ),
    "courier": (
        "This is a delivery status notification from mx.example,\nrunning the Courier mail server, version 0.65.2.\n\nThe original message was received on Tue\nfrom x\n\n---------------------------------------------------------------------------\n\n                           UNDELIVERABLE MAIL\n\nYour message to the following recipients cannot be delivered:\n\n<ann@customer.example>:\n    mx.customer.example [192.0.2.1]:\n>>> RCPT TO:<ann@customer.example>\n<<< 550 5.1.1 <ann@customer.example>... User Unknown\n\n---------------------------------------------------------------------------\n",
        {"sender": '"Courier mail server at x" <@>', "subject": "NOTICE: mail delivery status."},
        "no_such_user",
    ),
    "james": (
        "Hi. This is the James mail server at x.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.  Below\nI include the list of recipients and the reason why I was unable to deliver\nyour message.\n\nFailed recipient(s):\nann@customer.example\n\nError message:\n554 5.3.4 message too big for system\n",
        {"sender": "postmaster@customer.example", "subject": "Re: Invoice"},
        "message_too_large",
    ),
    "gmail": (
        "** Address not found **\n\nYour message wasn't delivered to ann@customer.example because the address couldn't be found, or is unable to receive mail.\n\nThe response was:\n\n550 5.1.1 The email account that you tried to reach does not exist.\n",
        {
            "sender": "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
            "subject": "Delivery Status Notification (Failure)",
        },
        "no_such_user",
    ),
    "qq": (
        "抱歉，您的邮件被退回来了……\n\n原邮件信息：\n时间 2024-03-05\n主题 Invoice\n收件人 ann@customer.example\n\n退信原因：\n收件人邮箱地址不存在，邮件无法送达。\nhost mx said: 550 5.1.1 User not found\n",
        {"sender": "PostMaster@qq.com", "subject": "来自qq.com的退信"},
        "no_such_user",
    ),
    "163": (
        "您的邮件 Invoice 未能送达。\n收件人: ann@customer.example\n原因: 对方邮箱已满\n",
        {"sender": "Postmaster@163.com", "subject": "系统退信"},
        "mailbox_full",
    ),
    "exch-fr": (
        "Échec de la remise pour ces destinataires ou groupes :\n\nann@customer.example\nL'adresse de messagerie que vous avez entrée est introuvable.\n\n\nInformations de diagnostic pour les administrateurs :\n\nServeur de génération : ex.customer.example\n\nann@customer.example\n#550 5.1.1 RESOLVER.ADR.RecipNotFound; not found ##\n",
        {"sender": "postmaster@customer.example", "subject": "Non remis : Facture"},
        "no_such_user",
    ),
    "exch-es": (
        "Error de entrega a los siguientes destinatarios o grupos:\n\nann@customer.example\nEl buzón del destinatario está lleno.\n\nInformación de diagnóstico para administradores:\n\nann@customer.example\n#554 5.2.2 mailbox full ##\n",
        {"sender": "postmaster@customer.example", "subject": "No se puede entregar: Factura"},
        "mailbox_full",
    ),
    "exch-it": (
        "Impossibile recapitare il messaggio ai seguenti destinatari o gruppi:\n\nann@customer.example\nL'indirizzo di posta elettronica immesso non è stato trovato.\n",
        {"sender": "postmaster@customer.example", "subject": "Non recapitabile: Fattura"},
        "no_such_user",
    ),
    "exch-noaddr": (
        "Delivery has failed to these recipients or distribution lists:\n\nAnn Weber\nThe recipient's mailbox is full and can't accept messages now.\n",
        {"sender": "postmaster@customer.example", "subject": "Undeliverable: Invoice"},
        "mailbox_full",
    ),
    "exch-jp": (
        "次の受信者またはグループへの配信に失敗しました:\n\nann@customer.example\n入力した電子メール アドレスが見つかりませんでした。\n",
        {"sender": "postmaster@customer.example", "subject": "配信不能: 請求書"},
        "no_such_user",
    ),
    "aol": (
        "The original message was received at Tue\n\n*** ATTENTION ***\n\nYour e-mail is being returned to you because there was a problem with its\ndelivery.\n\n   ----- The following addresses had permanent fatal errors -----\n<ann@customer.example>\n\n   ----- Transcript of session follows -----\n... while talking to mx:\n>>> RCPT To:<ann@customer.example>\n<<< 550 MAILBOX NOT FOUND\n550 <ann@customer.example>... User unknown\n",
        {"sender": "Mail Delivery Subsystem <MAILER-DAEMON@aol.com>", "subject": "Returned mail: User unknown"},
        "no_such_user",
    ),
    "nl": (
        "Uw bericht kon niet worden afgeleverd aan:\n\n  ann@customer.example\n\nReden: de mailbox is vol\n",
        {"sender": "postmaster@customer.example", "subject": "Onbestelbaar: factuur"},
        "mailbox_full",
    ),
    "pl": (
        "Nie można dostarczyć wiadomości do:\n\n  ann@customer.example\n  użytkownik nieznany\n",
        {"sender": "postmaster@customer.example", "subject": "Nie można dostarczyć: faktura"},
        "no_such_user",
    ),
    "pt": (
        "A sua mensagem não pôde ser entregue aos seguintes destinatários:\n\n  ann@customer.example\n  Caixa postal cheia\n",
        {"sender": "postmaster@customer.example", "subject": "Mensagem não entregue"},
        "mailbox_full",
    ),
    "tr": (
        "İletiniz aşağıdaki alıcıya teslim edilemedi:\n\n  ann@customer.example\n  Kullanıcı bulunamadı\n",
        {"sender": "postmaster@customer.example", "subject": "Teslim edilemedi"},
        "no_such_user",
    ),
    "cz": (
        "Zprávu se nepodařilo doručit:\n\n  ann@customer.example\n  schránka neexistuje\n",
        {"sender": "postmaster@customer.example", "subject": "Nedoručitelné"},
        "no_such_user",
    ),
    "kr": (
        "다음 수신자에게 메일을 전송하지 못했습니다.\n\n  ann@customer.example\n  존재하지 않는 사용자입니다\n",
        {"sender": "postmaster@customer.example", "subject": "메일 반송"},
        "no_such_user",
    ),
    "docomo": (
        "The following users mail was not delivered.\n\nUnknown User <ann@customer.example>\n",
        {"sender": "Mail Administrator <postmaster@docomo.ne.jp>", "subject": "Undelivered Mail"},
        "no_such_user",
    ),
    "smtp32": (
        "User mailbox exceeds allowed size: ann@customer.example\n\nOriginal message follows.\n\nFrom: x\n",
        {"sender": "Postmaster@customer.example", "subject": "Undeliverable Mail"},
        "mailbox_full",
    ),
    "barracuda": (
        "**Message delivery failed**\n\nMessage could not be delivered to the following recipient: ann@customer.example\nReason: remote server said 550 5.7.1 blocked by spam policy\n",
        {"sender": "no-reply@barracuda.example", "subject": "**Message you sent blocked by our bulk email filter**"},
        "spam_rejected",
    ),
    "amavis": (
        "Your message to:\n-> ann@customer.example\n\nwas considered unsolicited bulk e-mail (UBE).\n\nDelivery of the email was stopped!\n",
        {
            "sender": "Content-filter at x <postmaster@customer.example>",
            "subject": "Considered UNSOLICITED BULK EMAIL, apparently from you",
        },
        "spam_rejected",
    ),
    "virus": (
        "The email you sent to ann@customer.example contained a virus and was not delivered.\n",
        {"sender": "MAILER-DAEMON@customer.example", "subject": "VIRUS IN YOUR MAIL"},
        "content_rejected",
    ),
    "sym": (
        "This is the mail delivery agent at messagelabs.com.\nI was unable to deliver your message to the following addresses:\n\nann@customer.example\n\nReason: 550 5.1.1 Recipient unknown\n",
        {"sender": "MAILER-DAEMON@messagelabs.com", "subject": "Mail Delivery Failure"},
        "no_such_user",
    ),
    "aliyun": (
        "尊敬的用户，您好！\n您发送给 ann@customer.example 的邮件投递失败。\n原因：用户不存在\n",
        {"sender": "postmaster@aliyun.com", "subject": "邮件投递失败通知"},
        "no_such_user",
    ),
}

OTHERS = {
    "autoreply": (
        "Thank you for contacting us. Your ticket number is 123.",
        {"sender": "Support <support@customer.example>", "subject": "[Ticket#123] Invoice"},
        ["autoreply"],
        [],
    ),
    "nl-oof": (
        "Ik ben afwezig tot maandag.",
        {"sender": "Ann <ann@customer.example>", "subject": "Automatisch antwoord: factuur"},
        ["autoreply"],
        [],
    ),
    "hdr-oof": (
        "Back on Monday.",
        {"sender": "Ann <ann@customer.example>", "subject": "Invoice 1042"},
        ["autoreply"],
        ["Auto-Submitted: auto-replied"],
    ),
    "newsletter": (
        "Our offers this week: buy now. Delivery not delivered? no problem!",
        {"sender": "shop@customer.example", "subject": "News for you", "path": "<shop@customer.example>"},
        ["not-a-bounce"],
        [],
    ),
    "person": (
        "Hi, thanks for the invoice. Ann",
        {"sender": "Ann <ann@customer.example>", "subject": "Re: Invoice", "path": "<ann@customer.example>"},
        ["not-a-bounce"],
        [],
    ),
    "delay-postfix": (
        "This is the mail system at host x.\n\n####################################################################\n# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #\n####################################################################\n\nYour message could not be delivered for more than 4 hour(s).\nIt will be retried until it is 5 day(s) old.\n\n<ann@customer.example>: connect to mx.customer.example[192.0.2.1]:25: Connection timed out\n",
        {"subject": "Delayed Mail (still being retried)"},
        ["delayed"],
        [],
    ),
    "delay-exim-de": (
        "Eine Nachricht, die Sie gesendet haben, wurde noch nicht zugestellt.\n\n  ann@customer.example\n\nEs wird weiterhin versucht, sie zuzustellen.\n",
        {"subject": "Warnung: Nachricht verzögert"},
        ["delayed"],
        [],
    ),
    "delay-fr": (
        "Votre message n'a pas encore été remis à :\n\n  ann@customer.example\n\nLe système continuera d'essayer pendant 2 jours.\n",
        {"subject": "Remise retardée"},
        ["delayed"],
        [],
    ),
    "giveup": (
        "Your message could not be delivered for more than 5 days and has been removed from the queue.\n\n<ann@customer.example>: connect to mx.customer.example[192.0.2.1]:25: Connection timed out\n",
        {},
        ["bounce"],
        [],
    ),
    "spamarrest": (
        "I just received your email. To prove you are a human and not an automated mailer please click the link below to verify yourself.",
        {"sender": "Ann <ann@customer.example>", "subject": "Re: Invoice (verification)"},
        ["autoreply"],
        [],
    ),
    "delivered": (
        "Your message was successfully delivered to ann@customer.example.",
        {"subject": "Delivered: Invoice"},
        ["not-a-bounce"],
        [],
    ),
    "dmarc": (
        "This is a DMARC aggregate report for school.example",
        {
            "sender": "noreply-dmarc-support@google.com",
            "subject": "Report domain: school.example Submitter: google.com Report-ID: 1",
            "path": "<noreply-dmarc-support@google.com>",
        },
        ["not-a-bounce"],
        [],
    ),
    "cal": (
        "",
        {"sender": "Ann <ann@customer.example>", "subject": "Accepted: Meeting", "path": "<ann@customer.example>"},
        ["not-a-bounce", "autoreply"],
        [],
    ),
    "fr-left": (
        "Bonjour, je ne travaille plus chez Customer. Merci d'écrire à bob@customer.example",
        {"sender": "Ann <ann@customer.example>", "subject": "Absence: Facture"},
        ["autoreply"],
        [],
    ),
    "oof-full": (
        "My mailbox is full at the moment and I am out of office.",
        {"sender": "Ann <ann@customer.example>", "subject": "Automatic reply: undelivered invoice"},
        ["autoreply"],
        [],
    ),
}


@pytest.mark.parametrize("name", BOUNCES)
def test_bounces(name: str) -> None:
    """One recipient, the right one, for the right reason, in whatever words and language."""
    text, header, reason = BOUNCES[name]
    report = read(mail(text, UTF8, **header))
    address = "ann@customer.example" if "ann@customer.example" in text else ""
    assert report.kind == "bounce"
    assert [(r.address, str(r.reason)) for r in report.recipients] == [(address, reason)]


@pytest.mark.parametrize("name", OTHERS)
def test_others(name: str) -> None:
    """Warnings, automatic replies, good news and ordinary mail are not taken for bounces."""
    text, header, kinds, fields = OTHERS[name]
    assert read(mail(text, UTF8, *fields, **header)).kind in kinds
